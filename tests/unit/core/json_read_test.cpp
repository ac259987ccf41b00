#include <mamey/core/json.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include <mamey/core/decimal.hpp>
#include <mamey/core/id.hpp>
#include <mamey/core/rules.hpp>
#include <mamey/core/time.hpp>

namespace {

namespace json = mamey::json;

enum class status { placed, in_delivery };
enum class tolerant { unknown, known };

struct line {
  std::string sku;
  int quantity = 1;
};

struct order {
  mamey::uuid order_id;
  std::vector<line> lines;
  std::optional<std::string> note;
  status state = status::placed;
  mamey::decimal total = 5;
  std::map<std::string, int> counts;
  bool urgent = false;
  double weight = 0.5;
  json::raw extra;
};

struct strict_one {
  static constexpr bool strict = true;
  int known = 0;
};

/// Reads into `object` and joins what was found: `path code; …`.
template <class T>
std::string read(std::string_view text, T& object, const json::read_options& options = {}) {
  std::string found;
  for (const auto& violation : json::read(text, mamey::model_of<T>(), &object, options)) {
    found += (found.empty() ? "" : "; ") + violation.path + ' ' + violation.code;
  }
  return found;
}

template <class T>
std::string messages(std::string_view text) {
  T object{};
  std::string found;
  for (const auto& violation : json::read(text, mamey::model_of<T>(), &object)) {
    found += (found.empty() ? "" : "; ") + (violation.path.empty() ? "" : violation.path + ": ") + violation.message;
  }
  return found;
}

}  // namespace

template <>
struct mamey::enum_fallback<tolerant> {
  static constexpr tolerant value = tolerant::unknown;
};

namespace {

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

TEST(json_read, absent_and_null_members_keep_their_initialisers) {
  order object{.note = "stays", .total = 7};
  EXPECT_EQ(read(R"({"total":null,"state":null,"lines":null,"urgent":null,"weight":null,"orderId":null,"counts":null})", object), "");
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

template <class T>
struct holding {
  T value{};
};

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
  for (const auto text : {"\"\"", "\" 1\"", "\"1 \"", "\"0x10\"", "\"01\"", "\"+1\"", "\"1.\"", "\"NaN\"", "1.0", "1e2"}) {
    EXPECT_EQ(read_number<int>(text), "value not_an_integer") << text;
  }
  EXPECT_EQ(read_number<double>("1e999"), "value out_of_range");
  EXPECT_EQ(read_number<double>("\"Infinity\""), "value not_a_number");
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

TEST(json_read, enums_are_names_in_any_case_or_known_numbers) {
  holding<status> object;
  EXPECT_EQ(read(R"({"value":"INDELIVERY"})", object), "");
  EXPECT_EQ(object.value, status::in_delivery);
  EXPECT_EQ(read(R"({"value":0})", object), "");
  EXPECT_EQ(object.value, status::placed);
  EXPECT_EQ(read(R"({"value":"1"})", object), "");
  EXPECT_EQ(object.value, status::in_delivery);
  EXPECT_EQ(read(R"({"value":9})", object), "value unknown_value");
  EXPECT_EQ(read(R"({"value":1.0})", object), "value unknown_value");
}

TEST(json_read, an_unknown_enumerator_reads_as_the_declared_fallback) {
  holding<tolerant> object{tolerant::known};
  EXPECT_EQ(read(R"({"value":"newer"})", object), "");
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
  EXPECT_EQ(mamey::format_timestamp(object.at), "2026-01-31T10:00:00.123456Z");
  EXPECT_EQ(object.wait, std::chrono::seconds(90));
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
}

TEST(json_read, malformed_text_is_one_violation_with_the_byte) {
  EXPECT_EQ(messages<order>(R"({"urgent":"no","weight":1,})"), "malformed JSON at byte 26: no member name");
  EXPECT_EQ(messages<order>(R"({"lines":[1 2]})"), "malformed JSON at byte 12: neither , nor ] behind an element");
  EXPECT_EQ(messages<order>(R"({"a":01})"), "malformed JSON at byte 5: no value");
  EXPECT_EQ(messages<order>("{} {}"), "malformed JSON at byte 3: something behind the value");
  EXPECT_EQ(messages<order>(""), "malformed JSON at byte 0: nothing but white space");
  EXPECT_EQ(messages<order>(" \n "), "malformed JSON at byte 0: nothing but white space");
  EXPECT_EQ(messages<order>("{\"note\":\"a\nb\"}"), "malformed JSON at byte 10: a control character in a string");
  EXPECT_EQ(messages<order>(R"({"note":"a\"})"), "malformed JSON at byte 8: a string without an end");
  EXPECT_EQ(messages<order>("{\"note\":\"a\xff\"}"), "malformed JSON at byte 10: not UTF-8");
}

TEST(json_read, a_byte_order_mark_is_skipped_and_nothing_else_is_json) {
  line object;
  EXPECT_EQ(read("\xef\xbb\xbf{\"quantity\":2}", object), "");
  EXPECT_EQ(read("\xef\xbb\xbf", object), " malformed_json");
  EXPECT_EQ(read("\f{}", object), " malformed_json");
}

std::string nested(int depth) {
  return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
}

TEST(json_read, depth_is_bound_also_where_nobody_reads) {
  line object;
  EXPECT_EQ(read("{\"x\":" + nested(63) + "}", object), "");
  EXPECT_EQ(read("{\"x\":" + nested(64) + "}", object), " too_deep");
  EXPECT_EQ(read("{\"x\":" + std::string(100000, '['), object), " too_deep");
  EXPECT_EQ(messages<line>("{\"x\":" + nested(64) + "}"), "nested deeper than 64");
  EXPECT_EQ(read("{\"x\":{\"y\":1}}", object, {.max_depth = 1}), " too_deep");
  EXPECT_EQ(read(nested(1000), object, {.max_depth = 100000}), " too_deep");
}

TEST(json_read, depth_counts_nesting_not_siblings) {
  std::vector<std::vector<int>> lists;
  EXPECT_EQ(read("[" + std::string(300, ' ') + "[1],[2],[],[3]]", lists, {.max_depth = 2}), "");
  EXPECT_EQ(lists.size(), 4U);
}

struct tree {
  std::string name;
  std::vector<tree> children;
};

TEST(json_read, a_type_that_contains_itself_is_bound_as_well) {
  tree root;
  EXPECT_EQ(read(R"({"name":"a","children":[{"name":"b","children":[{"name":"c"}]}]})", root), "");
  EXPECT_EQ(root.children[0].children[0].name, "c");
  std::string deep = R"({"name":"x"})";
  for (int i = 0; i < 40; ++i) deep = R"({"children":[)" + deep + "]}";
  EXPECT_EQ(read(deep, root), " too_deep");
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
  EXPECT_EQ(read("null", object), "");
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

struct reentrant {
  int inner = 0;
};

}  // namespace

template <>
struct mamey::text_codec<reentrant> {
  static void to_text(std::string& out, const reentrant& value) { out += json::to_string(holding<int>{value.inner}); }
  static bool from_text(reentrant& value, std::string_view text) {
    value.inner = json::parse<holding<int>>(text).value;
    return true;
  }
};

namespace {

TEST(json_read, a_codec_may_read_json_itself) {
  std::vector<reentrant> values;
  EXPECT_EQ(read(R"(["{\"value\":1}","{\"value\":2}"])", values), "");
  EXPECT_EQ(values[1].inner, 2);
  EXPECT_EQ(json::to_string(values), R"(["{\"value\":1}","{\"value\":2}"])");
}

TEST(json_read, an_exception_of_a_codec_leaves_the_reader_usable) {
  std::vector<reentrant> values;
  EXPECT_THROW(json::read(R"(["{"])", mamey::model_of<std::vector<reentrant>>(), &values), mamey::validation_error);
  EXPECT_EQ(json::parse<int>("3"), 3);
}

TEST(json_read, large_texts_are_read_and_forgotten) {
  std::string text = "[";
  for (int i = 0; i < 400000; ++i) text += (i > 0 ? "," : "") + std::to_string(i);
  text += "]";
  EXPECT_EQ(json::parse<std::vector<int>>(text).back(), 399999);
  EXPECT_EQ(json::parse<int>("3"), 3);
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
