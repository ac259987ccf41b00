#include <mamey/core/json.hpp>

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <optional>

#include <mamey/core/decimal.hpp>
#include <mamey/core/id.hpp>
#include <mamey/core/time.hpp>

namespace {

namespace json = mamey::json;

enum class status { placed, in_delivery };

struct line {
  std::string sku;
  int quantity = 1;
};

TEST(json_write, members_are_written_in_order_with_nulls) {
  struct order {
    mamey::uuid order_id{"0190163d-8694-739b-aea5-966c26f8ad91"};
    std::vector<line> lines{{"a", 1}, {"b", 2}};
    std::vector<int> none;
    std::optional<int> absent;
    std::optional<line> present = line{"c", 3};
    status state = status::in_delivery;
    mamey::decimal total{"20.50"};
    std::map<std::string, double> weights{{"x", 1.5}, {"y\"", -2}};
    bool urgent = true;
    json::raw extra{R"({"a": 1})"};
  };
  EXPECT_EQ(
      json::to_string(order{}),
      R"({"orderId":"0190163d-8694-739b-aea5-966c26f8ad91","lines":[{"sku":"a","quantity":1},{"sku":"b","quantity":2}],"none":[],)"
      R"("absent":null,"present":{"sku":"c","quantity":3},"state":"inDelivery","total":20.50,"weights":{"x":1.5,"y\"":-2},"urgent":true,"extra":{"a": 1}})");
}

TEST(json_write, an_empty_object_is_an_object) {
  struct empty {};
  EXPECT_EQ(json::to_string(empty{}), "{}");
  EXPECT_EQ(json::to_string(std::map<std::string, int>{}), "{}");
}

TEST(json_write, texts_are_escaped) {
  EXPECT_EQ(json::to_string(std::string("a\"\\/\b\f\n\r\t\x01\x1f é€😀")), R"("a\"\\/\b\f\n\r\t\u0001\u001f é€😀")");
  EXPECT_EQ(json::to_string(std::string("\0", 1)), R"("\u0000")");
}

TEST(json_write, what_shall_be_shown_in_any_case_has_something_in_place_of_what_nobody_could_read) {
  const auto shown = [](const auto& value) { return json::to_string(value, {.unwritable = json::unwritable::replace}); };
  EXPECT_EQ(shown(std::string("a\xff"
                              "b\xc3")),
            "\"a\ufffdb\ufffd\"");
  EXPECT_EQ(shown(std::string("\xed\xa0\x80")), "\"\ufffd\ufffd\ufffd\"");  // a surrogate
  EXPECT_EQ(shown(std::string("\xc0\xaf")), "\"\ufffd\ufffd\"");            // an overlong form
  EXPECT_EQ(shown(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(shown(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(shown(mamey::timestamp::max()).substr(0, 3), "\"+3");
  std::string text;
  json::write_text(text, "a\xff");
  EXPECT_EQ(text, "\"a\ufffd\"");
}

TEST(json_write, long_texts_and_many_small_ones_arrive_whole) {
  const std::string text(10000, 'x');
  EXPECT_EQ(json::to_string(text), '"' + text + '"');
  const std::vector<std::string> many(3000, "ab\ncd");
  const auto written = json::to_string(many);
  EXPECT_EQ(json::parse<std::vector<std::string>>(written), many);
}

TEST(json_write, integers_are_written_to_their_bounds) {
  EXPECT_EQ(json::to_string(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(json::to_string(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(json::to_string(std::int8_t{-128}), "-128");
  EXPECT_EQ(json::to_string(std::uint8_t{255}), "255");
}

TEST(json_write, a_real_is_as_short_as_it_can_be) {
  EXPECT_EQ(json::to_string(0.1), "0.1");
  EXPECT_EQ(json::to_string(0.1F), "0.1");
  EXPECT_EQ(json::to_string(1e300), "1e+300");
}

TEST(json_write, an_enum_without_a_name_is_a_number) { EXPECT_EQ(json::to_string(static_cast<status>(42)), "42"); }

TEST(json_write, times_are_iso_8601_and_durations_dotnets) {
  using namespace std::chrono_literals;
  const mamey::timestamp at = std::chrono::sys_days(std::chrono::year(2026) / 1 / 31) + 12h + 250ms;
  EXPECT_EQ(json::to_string(at), R"("2026-01-31T12:00:00.25Z")");
  EXPECT_EQ(json::to_string(std::chrono::seconds(90061)), R"("1.01:01:01")");
}

TEST(json_write, an_id_looks_like_its_uuid) {
  struct customer_tag;
  const mamey::id<customer_tag> id{mamey::uuid("0190163d-8694-739b-aea5-966c26f8ad91")};
  EXPECT_EQ(json::to_string(id), R"("0190163d-8694-739b-aea5-966c26f8ad91")");
}

}  // namespace
