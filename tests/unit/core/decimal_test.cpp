#include <mamey/core/decimal.hpp>

#include <gtest/gtest.h>

#include <random>

namespace {

using mamey::decimal;

std::string text_of(const decimal& value) { return to_string(value); }

const decimal largest("79228162514264337593543950335");

TEST(decimal, a_text_keeps_its_scale) {
  for (const auto text : {"0", "20.50", "-0.001", "1.0", "0.00", "79228162514264337593543950335", "-7.9228162514264337593543950335",
                          "0.0000000000000000000000000001", "123456789012345678", "1234567890123456789", "12345678901234567890.12"}) {
    EXPECT_EQ(text_of(decimal(text)), text);
  }
}

TEST(decimal, exponents_are_resolved) {
  EXPECT_EQ(text_of(decimal("1.5e3")), "1500");
  EXPECT_EQ(text_of(decimal("15E-3")), "0.015");
  EXPECT_EQ(text_of(decimal("1.50e1")), "15.0");
  EXPECT_EQ(text_of(decimal("1" + std::string(80, '0') + "e-80")), "1.0000000000000000000000000000");
  EXPECT_EQ(text_of(decimal("0e999999999999")), "0");
  EXPECT_EQ(text_of(decimal("1e-999999999999")), "0.0000000000000000000000000000");
}

TEST(decimal, places_beyond_what_fits_are_rounded_half_to_even) {
  EXPECT_EQ(text_of(decimal("0.00000000000000000000000000015")), "0.0000000000000000000000000002");
  EXPECT_EQ(text_of(decimal("0.00000000000000000000000000025")), "0.0000000000000000000000000002");
  EXPECT_EQ(text_of(decimal("0.00000000000000000000000000025" + std::string(100, '0') + "1")), "0.0000000000000000000000000003");
  EXPECT_EQ(text_of(decimal("79228162514264337593543950334.5")), "79228162514264337593543950334");
}

TEST(decimal, malformed_and_too_large_texts_are_refused) {
  for (const auto text : {"",
                          "-",
                          ".",
                          ".5",
                          "5.",
                          "1..2",
                          "1.2.3",
                          "+-1",
                          "1e",
                          "1e+",
                          "e5",
                          " 1",
                          "1 ",
                          "1,5",
                          "0x1",
                          "NaN",
                          "--1",
                          "1.2345678901234567890x",
                          "79228162514264337593543950336",
                          "79228162514264337593543950335.5",
                          "1e29",
                          "1e9999999999"}) {
    EXPECT_EQ(decimal::parse(text), std::nullopt) << text;
  }
  EXPECT_THROW(decimal("x"), std::invalid_argument);
}

TEST(decimal, integers_are_decimals) {
  EXPECT_EQ(decimal(42), 42);
  EXPECT_EQ(text_of(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(text_of(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  EXPECT_LT(decimal("41.99"), 42);
  EXPECT_GT(0, decimal("-0.01"));
}

TEST(decimal, sums_have_the_larger_scale) {
  EXPECT_EQ(text_of(decimal("20.50") + decimal("0.5")), "21.00");
  EXPECT_EQ(text_of(decimal("0.1") + decimal("0.2")), "0.3");
  EXPECT_EQ(text_of(decimal("1") - decimal("0.01")), "0.99");
  EXPECT_EQ(text_of(decimal("-1.5") - decimal("2")), "-3.5");
  EXPECT_EQ(text_of(decimal("1.5") - decimal("1.50")), "0.00");
  decimal total;
  for (int i = 0; i < 1000; ++i) total += decimal("0.001");
  EXPECT_EQ(text_of(total), "1.000");
}

TEST(decimal, a_sum_that_needs_more_bits_gives_up_places) {
  EXPECT_EQ(text_of(largest - decimal("0.5")), "79228162514264337593543950334");
  EXPECT_EQ(text_of(decimal("7922816251426433759354395033.5") + decimal("7922816251426433759354395033.5")),
            "15845632502852867518708790067");
}

TEST(decimal, products_have_the_sum_of_the_scales) {
  EXPECT_EQ(text_of(decimal("1.10") * decimal("3")), "3.30");
  EXPECT_EQ(text_of(decimal("-0.5") * decimal("0.5")), "-0.25");
  EXPECT_EQ(text_of(decimal("0.00000000000001") * decimal("0.000000000000005")), "0.0000000000000000000000000000");
  EXPECT_EQ(text_of(decimal("0.00000000000001") * decimal("0.000000000000015")), "0.0000000000000000000000000002");
  EXPECT_EQ(text_of(decimal("7.9228162514264337593543950335") * decimal("7.9228162514264337593543950335")),
            "62.771017353866807638357894230");
}

TEST(decimal, quotients_are_exact_when_they_can_be) {
  EXPECT_EQ(text_of(decimal("1") / 8), "0.125");
  EXPECT_EQ(text_of(decimal("10.00") / 2), "5.00");
  EXPECT_EQ(text_of(decimal("100") / decimal("0.5")), "200");
  EXPECT_EQ(text_of(decimal("1") / 3), "0.3333333333333333333333333333");
  EXPECT_EQ(text_of(decimal("-2") / 3), "-0.6666666666666666666666666667");
  EXPECT_EQ(text_of(largest / largest), "1");
  EXPECT_EQ(text_of(decimal("1") / largest), "0.0000000000000000000000000000");
  EXPECT_THROW(decimal(1) / decimal("0.00"), std::domain_error);
}

TEST(decimal, a_result_too_large_overflows) {
  EXPECT_THROW(largest + 1, std::overflow_error);
  EXPECT_THROW(largest + decimal("0.5"), std::overflow_error);
  EXPECT_THROW(-largest - 1, std::overflow_error);
  EXPECT_THROW(largest * 2, std::overflow_error);
  EXPECT_THROW(largest / decimal("0.1"), std::overflow_error);
}

TEST(decimal, comparison_is_by_value) {
  EXPECT_EQ(decimal("20.50"), decimal("20.5"));
  EXPECT_EQ(std::hash<decimal>()(decimal("20.50")), std::hash<decimal>()(decimal("20.5")));
  EXPECT_LT(decimal("-2"), decimal("-1.9"));
  EXPECT_LT(decimal("-1"), decimal("0.1"));
  EXPECT_LT(decimal("7.9228162514264337593543950335"), largest);
  EXPECT_EQ(decimal("-0.00"), 0);
  EXPECT_FALSE(decimal("-0.00").is_negative());
}

TEST(decimal, rounding_follows_the_mode) {
  using mamey::rounding;
  EXPECT_EQ(text_of(decimal("2.345").round(2)), "2.34");
  EXPECT_EQ(text_of(decimal("2.355").round(2)), "2.36");
  EXPECT_EQ(text_of(decimal("2.3450001").round(2)), "2.35");
  EXPECT_EQ(text_of(decimal("-2.345").round(2, rounding::half_away_from_zero)), "-2.35");
  EXPECT_EQ(text_of(decimal("2.349").round(2, rounding::towards_zero)), "2.34");
  EXPECT_EQ(text_of(decimal("2.3").round(2)), "2.3");
  EXPECT_EQ(text_of(decimal("9.995").round(2)), "10.00");
  EXPECT_EQ(text_of(decimal("20.500").normalized()), "20.5");
  EXPECT_EQ(text_of(decimal("100").normalized()), "100");
}

TEST(decimal, parts_go_there_and_back) {
  const decimal value("-79228162514264337593.543950335");
  EXPECT_EQ(decimal::of_parts(value.mantissa(), value.scale(), value.is_negative()), value);
  EXPECT_THROW(decimal::of_parts({1, 0, 0}, 29, false), std::invalid_argument);
}

// Small numbers have an oracle: integers.
TEST(decimal, arithmetic_agrees_with_integers) {
  std::mt19937_64 random(7);
  const auto cents = [&] { return static_cast<std::int64_t>(random() % 2000000001) - 1000000000; };
  const auto of_cents = [](std::int64_t value) { return decimal(value) / 100; };
  for (int i = 0; i < 2000; ++i) {
    const auto left = cents();
    const auto right = cents();
    EXPECT_EQ(of_cents(left) + of_cents(right), of_cents(left + right));
    EXPECT_EQ(of_cents(left) - of_cents(right), of_cents(left - right));
    EXPECT_EQ(of_cents(left) * of_cents(right) * 10000, decimal(left * right));
    EXPECT_EQ(of_cents(left) < of_cents(right), left < right);
    EXPECT_EQ(decimal::parse(text_of(of_cents(left))), of_cents(left));
    if (right == 0) continue;
    EXPECT_EQ(of_cents(left) * of_cents(right) / of_cents(right), of_cents(left));
  }
}

}  // namespace
