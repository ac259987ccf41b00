// Numbers, texts, enums, ids and times, as JSON and as plain texts.
#include <mamey/core/json.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <mamey/core/decimal.hpp>
#include <mamey/core/id.hpp>
#include <mamey/core/time.hpp>

#include "json_reading.hpp"

namespace {

using namespace json_reading;

enum class tolerant { unknown, known };

}  // namespace

template <>
struct mamey::enum_fallback<tolerant> {
  static constexpr tolerant value = tolerant::unknown;
};

namespace {

template <class T>
std::string read_number(std::string_view text) {
  holding<T> object;
  const auto found = read("{\"value\":" + std::string(text) + "}", object);
  return found.empty() ? std::to_string(object.value) : found;
}

TEST(json_read, integers_are_exact_up_to_their_bounds) {
  EXPECT_EQ(read_number<std::int64_t>("-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(read_number<std::int64_t>("9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(read_number<std::uint64_t>("18446744073709551615"), "18446744073709551615");
  EXPECT_EQ(read_number<std::int8_t>("-128"), "-128");
  EXPECT_EQ(read_number<std::uint8_t>("255"), "255");
  EXPECT_EQ(read_number<std::uint16_t>("-0"), "0");
}

TEST(json_read, integers_out_of_range_are_violations) {
  EXPECT_EQ(read_number<std::int64_t>("9223372036854775808"), "value out_of_range");
  EXPECT_EQ(read_number<std::int64_t>("-9223372036854775809"), "value out_of_range");
  EXPECT_EQ(read_number<std::uint64_t>("18446744073709551616"), "value out_of_range");
  EXPECT_EQ(read_number<std::int8_t>("128"), "value out_of_range");
  EXPECT_EQ(read_number<std::uint8_t>("-1"), "value out_of_range");
  EXPECT_EQ(read_number<std::uint32_t>(std::string(500, '9')), "value out_of_range");
  EXPECT_EQ(messages<holding<std::int8_t>>(R"({"value":200})"), "value: expected an integer from -128 to 127, got 200");
}

TEST(json_read, numbers_are_accepted_in_strings_as_dotnet_writes_them) {
  EXPECT_EQ(read_number<int>("\"-12\""), "-12");
  holding<double> real;
  EXPECT_EQ(read(R"({"value":"1.25"})", real), "");
  EXPECT_EQ(real.value, 1.25);
  holding<mamey::decimal> exact;
  EXPECT_EQ(read(R"({"value":"1.250"})", exact), "");
  EXPECT_EQ(to_string(exact.value), "1.250");
}

TEST(json_read, what_only_looks_like_a_number_is_none) {
  for (const auto text : {"\"\"", "\" 1\"", "\"1 \"", "\"0x10\"", "\"01\"", "\"+-1\"", "\"+\"", "\"1.\"", "\"NaN\"", "1.0", "1e2"}) {
    EXPECT_EQ(read_number<int>(text), "value not_an_integer") << text;
  }
  EXPECT_EQ(read_number<double>("1e999"), "value out_of_range");
  EXPECT_EQ(read_number<double>("\"Infinity\""), "value not_a_number");
  EXPECT_EQ(read_number<double>("-1e999"), "value out_of_range");
  EXPECT_EQ(read_number<double>("1" + std::string(400, '0')), "value out_of_range");
  EXPECT_EQ(read_number<double>("1e99999999999999999999"), "value out_of_range");
  EXPECT_EQ(read_number<double>("0.001e400"), "value out_of_range");
  EXPECT_EQ(read_number<float>("1e39"), "value out_of_range");
}

TEST(json_read, a_plus_before_a_number_in_a_text_is_skipped) {
  EXPECT_EQ(read_number<int>("\"+1\""), "1");
  EXPECT_EQ(read_number<unsigned>("\"+0\""), "0");
}

TEST(json_read, what_is_too_small_for_a_real_is_zero) {
  holding<double> object{1};
  for (const auto* text : {"1e-400", "-1e-400", "1e-99999999999999999999", "1000e-400", "0.1e-330"}) {
    object.value = 1;
    EXPECT_EQ(read(R"({"value":)" + std::string(text) + "}", object), "") << text;
    EXPECT_EQ(object.value, 0) << text;
  }
  EXPECT_EQ(read(R"({"value":0.)" + std::string(400, '0') + "1}", object), "");
  EXPECT_EQ(object.value, 0);
  holding<float> small{1};
  EXPECT_EQ(read(R"({"value":1e-60})", small), "");
  EXPECT_EQ(small.value, 0);
}

TEST(json_read, a_float_is_the_nearest) {
  holding<double> object;
  EXPECT_EQ(read(R"({"value":0.1000000000000000055511151231257827021181583404541015625})", object), "");
  EXPECT_EQ(object.value, 0.1);
  EXPECT_EQ(read(R"({"value":-0.0})", object), "");
  EXPECT_TRUE(std::signbit(object.value));
}

TEST(json_read, a_decimal_never_passes_through_double) {
  holding<mamey::decimal> object;
  EXPECT_EQ(read(R"({"value":79228162514264337593543950.335})", object), "");
  EXPECT_EQ(to_string(object.value), "79228162514264337593543950.335");
}

TEST(json_read, texts_have_their_escapes_resolved) {
  holding<std::string> object;
  EXPECT_EQ(read(R"({"value":"a\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00z"})", object), "");
  EXPECT_EQ(object.value, "a\"\\/\b\f\n\r\tAé€😀z");
  EXPECT_EQ(read(R"({"value":"\u0000"})", object), "");
  EXPECT_EQ(object.value, std::string(1, '\0'));
}

TEST(json_read, half_a_surrogate_pair_is_malformed) {
  holding<std::string> object;
  for (const auto text :
       {R"({"value":"\ud83d"})", R"({"value":"\ude00"})", R"({"value":"\ud83d\u0041"})", R"({"other":"\ud83dx"})", R"({"\ud83d":1})"}) {
    EXPECT_EQ(read(text, object), " malformed_json") << text;
  }
}

TEST(json_read, enums_are_names_in_any_case_or_numbers) {
  holding<status> object;
  EXPECT_EQ(read(R"({"value":"INDELIVERY"})", object), "");
  EXPECT_EQ(object.value, status::in_delivery);
  EXPECT_EQ(read(R"({"value":0})", object), "");
  EXPECT_EQ(object.value, status::placed);
  EXPECT_EQ(read(R"({"value":"1"})", object), "");
  EXPECT_EQ(object.value, status::in_delivery);
  EXPECT_EQ(read(R"({"value":9})", object), "");
  EXPECT_EQ(object.value, static_cast<status>(9));
  EXPECT_EQ(read(R"({"value":"-9"})", object), "");
  EXPECT_EQ(object.value, static_cast<status>(-9));
  EXPECT_EQ(read(R"({"value":" placed, inDelivery "})", object), "");
  EXPECT_EQ(object.value, status::in_delivery);
  for (const auto* text :
       {R"("")", R"(" ")", R"("placed,")", R"("placed, none")", R"("placed|inDelivery")", R"("9x")", "3000000000", "true"})
    EXPECT_EQ(read(R"({"value":)" + std::string(text) + "}", object), "value unknown_value") << text;
  EXPECT_EQ(read(R"({"value":1.0})", object), "value unknown_value");
}

TEST(json_read, an_unknown_enumerator_reads_as_the_declared_fallback) {
  holding<tolerant> object{tolerant::known};
  EXPECT_EQ(read(R"({"value":"newer"})", object), "");
  EXPECT_EQ(object.value, tolerant::unknown);
  object.value = tolerant::known;
  EXPECT_EQ(read(R"({"value":7})", object), "");
  EXPECT_EQ(object.value, tolerant::unknown);
}

TEST(json_read, a_uuid_is_accepted_in_its_compact_form) {
  holding<mamey::id<struct tag>> object;
  EXPECT_EQ(read(R"({"value":"0190163D8694739BAEA5966C26F8AD91"})", object), "");
  EXPECT_EQ(to_string(object.value), "0190163d-8694-739b-aea5-966c26f8ad91");
  EXPECT_EQ(read(R"({"value":""})", object), "value not_a_uuid");
}

TEST(json_read, times_and_durations_are_read_in_dotnets_forms) {
  struct times {
    mamey::timestamp at;
    std::chrono::seconds wait{};
  } object;
  EXPECT_EQ(read(R"({"at":"2026-01-31T12:00:00.1234567+02:00","wait":"00:01:30"})", object), "");
  EXPECT_EQ(mamey::format_timestamp(object.at), "2026-01-31T10:00:00.1234567Z");
  EXPECT_EQ(object.wait, std::chrono::seconds(90));
  for (const auto* text : {"24:00:00", " 00:00:01", "00:00:01 ", "9999-12-31T23:59:59-05:00"})
    EXPECT_NE(read(R"({"wait":")" + std::string(text) + R"("})", object), "") << text;
  EXPECT_EQ(read(R"({"at":"9999-12-31T23:59:59-05:00"})", object), "at not_a_date_time");
}

TEST(json_text, plain_texts_are_read_as_scalars) {
  const auto read_as = []<class T>(std::string_view text, T value) {
    std::string expected;
    return json::read_text(text, mamey::model_of<T>(), &value, &expected) ? json::to_string(value) : "expected " + expected;
  };
  EXPECT_EQ(read_as("42", 0), "42");
  EXPECT_EQ(read_as(" 42 ", 0), "42");
  EXPECT_EQ(read_as("serviceport", 0), "expected an integer");
  EXPECT_EQ(read_as("300", std::uint8_t{}), "expected an integer");
  EXPECT_EQ(read_as("True", false), "true");
  EXPECT_EQ(read_as("yes", false), "expected true or false");
  EXPECT_EQ(read_as("1.5", 0.0), "1.5");
  EXPECT_EQ(read_as("InDelivery", status::placed), "\"inDelivery\"");
  EXPECT_EQ(read_as("gone", status::placed), "expected one of placed, inDelivery");
  EXPECT_EQ(read_as(" x ", std::string()), "\" x \"");
  EXPECT_EQ(read_as("20.50", mamey::decimal()), "20.50");
  EXPECT_EQ(read_as("x", mamey::uuid()), "expected a uuid");
  EXPECT_EQ(read_as("5", std::optional<int>()), "5");
  EXPECT_EQ(read_as("", std::optional<int>(3)), "null");
  EXPECT_EQ(read_as("", std::optional<std::string>()), "\"\"");
  EXPECT_EQ(read_as("3", std::vector<int>{1, 2}), "[1,2,3]");
  EXPECT_EQ(read_as("x", std::vector<int>{}), "expected an integer");
  EXPECT_EQ(read_as("x", line{}), "expected an object");
  EXPECT_EQ(read_as("{\"a\":1}", json::raw{}), "{\"a\":1}");
  EXPECT_EQ(read_as("{", json::raw{}), "expected JSON");
}

}  // namespace
