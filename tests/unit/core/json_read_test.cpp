#include <mamey/core/json.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <mamey/core/rules.hpp>
#include <mamey/core/time.hpp>

#include "json_reading.hpp"

namespace {

using namespace json_reading;

struct strict_one {
  static constexpr bool strict = true;
  int known = 0;
};

TEST(json_read, a_struct_is_filled_from_its_wire_names) {
  order read_order;
  ASSERT_EQ(read(R"({"orderId":"0190163d-8694-739b-aea5-966c26f8ad91","lines":[{"sku":"a","quantity":2},{}],"note":"n","state":"inDelivery",
                     "total":20.50,"counts":{"x":1,"y":-2},"urgent":true,"weight":1e3,"extra":{"any" : [1,"two"]}})",
                 read_order),
            "");
  EXPECT_EQ(to_string(read_order.order_id), "0190163d-8694-739b-aea5-966c26f8ad91");
  ASSERT_EQ(read_order.lines.size(), 2U);
  EXPECT_EQ(read_order.lines[0].quantity, 2);
  EXPECT_EQ(read_order.lines[1].quantity, 1);
  EXPECT_EQ(read_order.note, "n");
  EXPECT_EQ(read_order.state, status::in_delivery);
  EXPECT_EQ(to_string(read_order.total), "20.50");
  EXPECT_EQ(read_order.counts, (std::map<std::string, int>{{"x", 1}, {"y", -2}}));
  EXPECT_TRUE(read_order.urgent);
  EXPECT_EQ(read_order.weight, 1000);
  EXPECT_EQ(read_order.extra.text, R"({"any" : [1,"two"]})");
}

TEST(json_read, member_names_match_in_any_case_and_any_order) {
  line object;
  EXPECT_EQ(read(R"({"QUANTITY":3,"Sku":"x"})", object), "");
  EXPECT_EQ(object.quantity, 3);
  EXPECT_EQ(object.sku, "x");
}

TEST(json_read, escaped_member_names_are_the_same_names) {
  line object;
  EXPECT_EQ(read(R"({"s\u006bu":"x"})", object), "");
  EXPECT_EQ(object.sku, "x");
}

TEST(json_read, null_is_refused_for_what_cannot_be_empty) {
  order object;
  EXPECT_EQ(read(R"({"total":null,"state":null,"lines":null,"urgent":null,"weight":null,"orderId":null,"counts":null})", object),
            "total not_a_decimal; state unknown_value; urgent not_a_boolean; weight not_a_number; orderId not_a_uuid");
  std::vector<int> numbers;
  EXPECT_EQ(read("[1,null]", numbers), "[1] not_an_integer");
  std::map<std::string, mamey::timestamp> times;
  EXPECT_EQ(read(R"({"a":null})", times), "a not_a_date_time");
  std::deque<std::chrono::seconds> durations;
  EXPECT_EQ(read("[null]", durations), "[0] not_a_duration");
  EXPECT_EQ(read("null", numbers), " not_an_array");
  std::string text;
  EXPECT_EQ(read("null", text), " not_a_string");
  std::vector<std::string> texts;
  EXPECT_EQ(read("[null]", texts), "");
  json::raw raw;
  EXPECT_EQ(read("null", raw), "");
}

TEST(json_read, absent_and_null_members_of_what_was_stored_keep_their_initialisers) {
  order object{.note = "stays", .total = 7};
  const json::read_options stored{.nulls = json::nulls::keep_value};
  EXPECT_TRUE(json::read(R"({"total":null,"state":null,"lines":null,"urgent":null,"weight":null,"orderId":null,"counts":null})",
                         mamey::model_of<order>(), &object, stored)
                  .empty());
  EXPECT_TRUE(json::read("null", mamey::model_of<order>(), &object, stored).empty());
  EXPECT_EQ(object.total, 7);
  EXPECT_EQ(object.weight, 0.5);
  EXPECT_EQ(object.note, "stays");
}

TEST(json_read, null_empties_an_optional) {
  order object{.note = "goes"};
  EXPECT_EQ(read(R"({"note":null})", object), "");
  EXPECT_EQ(object.note, std::nullopt);
}

TEST(json_read, lists_and_dictionaries_replace_what_was_there) {
  order object{.lines = {{"old", 1}}, .counts = {{"old", 1}}};
  EXPECT_EQ(read(R"({"lines":[{"sku":"new"}],"counts":{"new":2}})", object), "");
  EXPECT_EQ(object.lines.size(), 1U);
  EXPECT_EQ(object.lines[0].sku, "new");
  EXPECT_EQ(object.counts.count("old"), 0U);
}

TEST(json_read, every_violation_has_its_path_and_what_came) {
  EXPECT_EQ(
      messages<order>(
          R"({"orderId":"x","lines":[{},{"sku":5,"quantity":"three"},7],"state":"gone","total":[],"counts":{"a":1.5},"urgent":"true","weight":"x"})"),
      "orderId: expected a uuid, got \"x\"; lines[1].sku: expected a string, got 5; lines[1].quantity: expected an integer, got \"three\"; "
      "lines[2]: expected an object, got 7; state: expected one of placed, inDelivery, got \"gone\"; total: expected a decimal number, got "
      "an array; "
      "counts.a: expected an integer, got 1.5; urgent: expected true or false, got \"true\"; weight: expected a number, got \"x\"");
}

TEST(json_read, violations_have_stable_codes) {
  order object;
  EXPECT_EQ(read(R"({"orderId":1,"lines":{},"state":"gone","total":"x","counts":[],"urgent":0,"weight":{},"note":1})", object),
            "orderId not_a_uuid; lines not_an_array; state unknown_value; total not_a_decimal; counts not_an_object; urgent not_a_boolean; "
            "weight not_a_number; note not_a_string");
}

TEST(json_read, a_long_value_is_quoted_in_part_and_never_in_half_a_character) {
  const auto message = messages<line>(R"({"quantity":")" + std::string(62, 'x') + "ééé\"}");
  EXPECT_EQ(message, "quantity: expected an integer, got \"" + std::string(62, 'x') + "…");
}

TEST(json_read, violations_stop_at_the_limit) {
  std::vector<int> numbers;
  EXPECT_EQ(read(R"(["a","b","c","d"])", numbers, {.max_violations = 2}), "[0] not_an_integer; [1] not_an_integer");
}

TEST(json_read, reading_goes_on_behind_a_violation) {
  line object;
  EXPECT_EQ(read(R"({"sku":{"deep":[{}]},"quantity":4})", object), "sku not_a_string");
  EXPECT_EQ(object.quantity, 4);
}

TEST(json_read, unknown_members_are_skipped_unless_the_type_is_strict) {
  line tolerant_object;
  EXPECT_EQ(read(R"({"x":{"a":[1,{"b":null}]},"quantity":2,"y":"\u0041"})", tolerant_object), "");
  EXPECT_EQ(tolerant_object.quantity, 2);
  strict_one strict_object;
  EXPECT_EQ(read(R"({"known":1,"unknown":2})", strict_object), "unknown unknown_member");
}

TEST(json_read, the_last_of_duplicates_wins_and_nothing_of_the_others_stays) {
  struct nest {
    line inner;
    std::vector<int> list;
    std::map<std::string, line> dictionary;
  } object;
  EXPECT_EQ(
      read(
          R"({"inner":{"sku":"first","quantity":9},"list":[1,2],"INNER":{"sku":"second"},"list":[3],"dictionary":{"k":{"sku":"x"},"k":{}}})",
          object),
      "");
  EXPECT_EQ(object.inner.sku, "second");
  EXPECT_EQ(object.inner.quantity, 1);
  EXPECT_EQ(object.list, std::vector{3});
  EXPECT_EQ(object.dictionary.at("k").sku, "");
}

TEST(json_read, duplicates_can_be_refused_whatever_their_case) {
  order object;
  const json::read_options refuse{.duplicates = json::duplicates::refuse};
  EXPECT_EQ(read(R"({"total":1,"TOTAL":2,"lines":[{"sku":"a","Sku":"b"}],"counts":{"a":1,"A":2,"a":3}})", object, refuse),
            "total duplicate; lines[0].sku duplicate; counts.a duplicate");
  EXPECT_EQ(read(R"({"note":null,"NOTE":"n"})", object, refuse), "note duplicate") << "a null is a value, too";
}

TEST(json_read, any_value_can_be_the_whole_text) {
  int number = 0;
  EXPECT_EQ(read(" 42 ", number), "");
  EXPECT_EQ(number, 42);
  std::string text;
  EXPECT_EQ(read("\"x\"", text), "");
  std::vector<line> lines;
  EXPECT_EQ(read(R"([{"quantity":"x"}])", lines), "[0].quantity not_an_integer");
  line object;
  EXPECT_EQ(read("5", object), " not_an_object");
  EXPECT_EQ(read("null", object), " not_an_object");
  json::raw raw;
  EXPECT_EQ(read(" [1, 2]\n", raw), "");
  EXPECT_EQ(raw.text, "[1, 2]");
}

TEST(json_read, presence_tells_which_members_came) {
  order object;
  mamey::presence present;
  present.add(3);
  EXPECT_TRUE(json::read(R"({"total":1,"note":null,"lines":[{"sku":"x"}]})", mamey::model_of<order>(), &object, {}, &present).empty());
  EXPECT_TRUE(present.has(4));
  EXPECT_TRUE(present.has(1));
  EXPECT_TRUE(present.has(3));   // came from elsewhere
  EXPECT_FALSE(present.has(2));  // null is absence
  EXPECT_FALSE(present.has(0));
}

struct required_line {
  std::string sku;
  static constexpr auto rules() { return mamey::field<&required_line::sku>.required(); }
};
struct required_order {
  std::vector<required_line> lines;
  int number = 0;
  static constexpr auto rules() {
    return mamey::all(mamey::field<&required_order::number>.required(), mamey::field<&required_order::lines>.not_empty());
  }
};

TEST(json_read, a_missing_required_member_is_a_violation_with_its_path) {
  required_order object;
  EXPECT_EQ(read(R"({"lines":[{"sku":"a"},{},{"sku":null}],"number":1})", object), "lines[1].sku required; lines[2].sku required");
  EXPECT_EQ(read("{}", object), "number required");
  mamey::presence elsewhere;
  EXPECT_TRUE(json::read("{}", mamey::model_of<required_order>(), &object, {}, &elsewhere).empty());
}

TEST(json_read, parse_throws_with_every_violation) {
  try {
    json::parse<order>(R"({"total":"x","urgent":1})");
    FAIL();
  } catch (const mamey::validation_error& failure) {
    EXPECT_EQ(failure.violations().size(), 2U);
    EXPECT_EQ(failure.reason(), "total: expected a decimal number, got \"x\" (and 1 more)");
  }
}

}  // namespace
