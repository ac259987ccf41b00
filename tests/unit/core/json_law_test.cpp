// What is written can be read: every value of every kind is read again as it was written, or is refused when it is written.

#include <gtest/gtest.h>

#include <mamey/core/error.hpp>

#include "../../support/every_value.hpp"

namespace {

namespace json = mamey::json;
using mamey::testing::every_edge;
using mamey::testing::every_value;

std::vector<mamey::violation> refused(const every_value& value, const json::write_options& options = {}) {
  try {
    static_cast<void>(json::to_string(value, options));
  } catch (const mamey::validation_error& refusal) {
    return refusal.violations();
  }
  return {};
}

TEST(json_law, what_is_written_is_read_again_as_it_was_or_refused_with_the_member) {
  every_edge edges(1);
  int written = 0;
  for (int i = 0; i < 4000; ++i) {
    const auto value = edges.next(i % 2 == 0 ? 0 : 40);
    if (const auto violations = refused(value); !violations.empty()) {
      EXPECT_NE(i % 2, 0) << violations[0].path << " " << violations[0].message;
      for (const auto& each : violations) EXPECT_FALSE(each.path.empty() || each.code.empty() || each.message.empty());
      EXPECT_EQ(json::refusals(mamey::model_of<every_value>(), &value).size(), violations.size());
      continue;
    }
    const auto text = json::to_string(value);
    every_value again;
    const auto wrong = json::read(text, mamey::model_of<every_value>(), &again);
    ASSERT_TRUE(wrong.empty()) << wrong[0].path << " " << wrong[0].message << "\n" << text;
    ASSERT_TRUE(is_same(value, again)) << text << "\n" << json::to_string(again);
    ++written;
  }
  EXPECT_GT(written, 2000);
}

TEST(json_law, what_shall_be_shown_in_any_case_is_json) {
  every_edge edges(2);
  for (int i = 0; i < 1000; ++i) {
    auto value = edges.next(5);
    if (!json::is_valid(value.anything.text)) value.anything = {};
    const auto text = json::to_string(value, {.max_depth = json::deepest, .unwritable = json::unwritable::replace});
    EXPECT_TRUE(json::is_valid(text, json::deepest)) << text;
  }
}

TEST(json_law, each_refusal_names_the_member_and_what_is_wrong) {
  const auto refusal_of = [](auto&& change, const json::write_options& options = {}) {
    every_value value;
    change(value);
    const auto violations = refused(value, options);
    return violations.empty() ? std::string("none") : violations[0].path + " " + violations[0].code;
  };
  EXPECT_EQ(refusal_of([](every_value& v) { v.real = std::nan(""); }), "real not_finite");
  EXPECT_EQ(refusal_of([](every_value& v) { v.reals["x"] = std::numeric_limits<double>::infinity(); }), "reals.x not_finite");
  EXPECT_EQ(refusal_of([](every_value& v) { v.texts = {"a", "\xff"}; }), "texts[1] not_utf8");
  EXPECT_EQ(refusal_of([](every_value& v) { v.reals["\xff"] = 0; }), "reals not_utf8");
  EXPECT_EQ(refusal_of([](every_value& v) { v.text = std::string(1, '\0'); }), "none");
  const json::write_options stored{.may_hold_nul = false};
  EXPECT_EQ(refusal_of([](every_value& v) { v.text = std::string(1, '\0'); }, stored), "text has_nul");
  EXPECT_EQ(refusal_of([](every_value& v) { v.anything = {R"(["a\u0000"])"}; }, stored), "anything has_nul");
  EXPECT_EQ(refusal_of([](every_value& v) { v.anything = {R"(["a\\u0000"])"}; }, stored), "none");
  EXPECT_EQ(refusal_of([](every_value& v) { v.at = mamey::timestamp::max(); }), "at out_of_range");
  EXPECT_EQ(refusal_of([](every_value& v) { v.wait = std::chrono::milliseconds::max() - std::chrono::milliseconds(1); }),
            "wait out_of_range");
  EXPECT_EQ(refusal_of([](every_value& v) { v.anything = {"{"}; }), "anything not_json");
  EXPECT_EQ(refusal_of([](every_value& v) { v.anything = {std::string(63, '[') + std::string(63, ']')}; }), "none");
  EXPECT_EQ(refusal_of([](every_value& v) { v.anything = {std::string(64, '[') + std::string(64, ']')}; }), "anything not_json");
  EXPECT_EQ(refusal_of([](every_value& v) {
              auto* into = &v.leaves;
              for (int i = 0; i < 40; ++i) into = &into->emplace_back().leaves;
            }).substr(0, 23),
            "leaves[0].leaves[0].lea");
}

/// A tree deeper than any stack has room for is refused as well.
TEST(json_law, a_tree_of_any_depth_is_refused) {
  mamey::testing::every_leaf root;
  auto* last = &root;
  for (int i = 0; i < 5000; ++i) last = &last->leaves.emplace_back();
  EXPECT_THROW(static_cast<void>(json::to_string(root)), mamey::validation_error);
  EXPECT_THROW(static_cast<void>(json::to_string(root, {.max_depth = 1'000'000})), mamey::validation_error);
  EXPECT_TRUE(json::is_valid(json::to_string(root, {.max_depth = 1'000'000, .unwritable = json::unwritable::replace}), json::deepest));
}

enum class known { unknown, one };

}  // namespace

template <>
struct mamey::enum_fallback<known> {
  static constexpr known value = known::unknown;
};

namespace {

TEST(json_law, a_number_that_would_be_read_as_the_fallback_is_refused) {
  EXPECT_THROW(static_cast<void>(json::to_string(static_cast<known>(7))), mamey::validation_error);
  EXPECT_EQ(json::to_string(known::one), "\"one\"");
}

}  // namespace
