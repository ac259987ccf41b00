// Malformed and deep texts, and readers within readers.
#include <mamey/core/json.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "json_reading.hpp"

namespace {

using namespace json_reading;

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

TEST(json_read, large_texts_are_read_and_forgotten) {
  std::string text = "[";
  for (int i = 0; i < 400000; ++i) text += (i > 0 ? "," : "") + std::to_string(i);
  text += "]";
  EXPECT_EQ(json::parse<std::vector<int>>(text).back(), 399999);
  EXPECT_EQ(json::parse<int>("3"), 3);
}

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

}  // namespace
