/// The public JSON parsing test suite, through the reader that binds request bodies.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include <mamey/core/json.hpp>

namespace {

namespace json = mamey::json;

struct test_case {
  std::string name;
  std::string input;
};

const std::vector<test_case>& cases() {
  static const auto all = [] {
    std::vector<test_case> found;
    if (!std::filesystem::exists(MAMEY_JSON_SUITE)) return found;
    for (const auto& entry : std::filesystem::directory_iterator(MAMEY_JSON_SUITE)) {
      std::ifstream file(entry.path(), std::ios::binary);
      found.push_back({entry.path().filename(), {std::istreambuf_iterator<char>(file), {}}});
    }
    std::erase_if(found, [](const auto& one) { return !one.name.ends_with(".json"); });
    return found;
  }();
  return all;
}

struct known_only {
  int known = 0;
};
struct holds_any {
  json::raw value;
};

/// In memory of exactly its size, so that the address sanitizer sees a read beyond.
template <class T>
bool accepts(const std::string& text) {
  const std::vector<char> exact(text.begin(), text.end());
  T object;
  return json::read({exact.data(), exact.size()}, mamey::model_of<T>(), &object).empty();
}

bool accepted_as_document(const std::string& input) { return accepts<json::raw>(input); }
bool accepted_as_unknown_member(const std::string& input) { return accepts<known_only>("{\"known\":1,\"unknown\":" + input + "}"); }
bool accepted_as_member(const std::string& input) { return accepts<holds_any>("{\"value\":" + input + "}"); }

class json_suite : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(cases().size(), 318U) << "The JSON test suite is missing in " MAMEY_JSON_SUITE
                                       ": run scripts/lib/json-test-suite.sh (scripts/setup does).";
  }
};

TEST_F(json_suite, everything_valid_is_accepted) {
  for (const auto& [name, input] : cases()) {
    if (!name.starts_with("y_")) continue;
    EXPECT_TRUE(accepted_as_document(input)) << name;
    EXPECT_TRUE(accepted_as_unknown_member(input)) << name;
    EXPECT_TRUE(accepted_as_member(input)) << name;
  }
}

TEST_F(json_suite, everything_invalid_is_refused) {
  for (const auto& [name, input] : cases()) {
    if (!name.starts_with("n_")) continue;
    EXPECT_FALSE(accepted_as_document(input)) << name;
    EXPECT_FALSE(accepted_as_unknown_member(input)) << name;
    EXPECT_FALSE(accepted_as_member(input)) << name;
    EXPECT_FALSE(json::is_valid(input)) << name;
  }
}

TEST_F(json_suite, the_unspecified_is_treated_alike_wherever_it_stands) {
  for (const auto& [name, input] : cases()) {
    if (!name.starts_with("i_") || input.starts_with("\xef\xbb\xbf")) continue;  // a byte order mark can only begin the text
    EXPECT_EQ(accepted_as_document(input), accepted_as_unknown_member(input)) << name;
    EXPECT_EQ(accepted_as_document(input), accepted_as_member(input)) << name;
  }
}

TEST_F(json_suite, a_value_kept_as_text_is_read_again_as_the_same) {
  for (const auto& [name, input] : cases()) {
    if (!name.starts_with("y_")) continue;
    const auto once = json::parse<json::raw>(input);
    EXPECT_EQ(json::parse<holds_any>(json::to_string(holds_any{once})).value, once) << name;
  }
}

TEST(json_utf8, what_is_no_utf8_is_refused_wherever_it_stands) {
  const std::vector<std::string> invalid = {
      "\x80",              // a continuation alone
      "\xc3",              // cut off
      "\xc0\xaf",          // overlong in two bytes
      "\xe0\x80\xaf",      // in three
      "\xf0\x80\x80\xaf",  // in four
      "\xed\xa0\x80",      // a surrogate
      "\xf4\x90\x80\x80",  // beyond U+10FFFF
      "\xf8\x88\x80\x80\x80",
      "\xfe",
      "\xff",
      "\xe2\x82",
      "\xf0\x9f\x98",
  };
  for (const auto& bytes : invalid) {
    const auto in_text = '"' + bytes + '"';
    for (const auto& input :
         {in_text, "[" + in_text + "]", "{" + in_text + ":1}", "[1," + bytes + "]", bytes, std::string(100, ' ') + in_text}) {
      EXPECT_FALSE(accepted_as_document(input)) << testing::PrintToString(input);
      EXPECT_FALSE(accepted_as_unknown_member(input)) << testing::PrintToString(input);
      EXPECT_FALSE(accepted_as_member(input)) << testing::PrintToString(input);
    }
    EXPECT_FALSE(accepts<std::string>(in_text)) << testing::PrintToString(bytes);
  }
}

TEST(json_utf8, every_length_of_character_is_accepted) {
  for (const std::string character : {"\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
                                      "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(json::parse<std::string>('"' + character + '"'), character);
    EXPECT_EQ(json::to_string(character), '"' + character + '"');
  }
}

}  // namespace
