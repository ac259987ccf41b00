// Conditions as they are built: what is left out, and their bounds.

#include <gtest/gtest.h>

#include <mamey/core/error.hpp>
#include <mamey/core/utf8.hpp>
#include <mamey/domain/condition.hpp>
#include <mamey/domain/document_order.hpp>

namespace {

using namespace mamey;

struct Book {
  std::string id;
  std::string author;
  int year = 0;
  static constexpr auto indexes() { return indexed<&Book::author, &Book::year>; }
};

std::size_t comparisons(const member_condition<Book>& of) { return of.node().size; }

TEST(condition, a_comparison_with_an_empty_optional_is_left_out_whatever_combines_it) {
  const std::optional<int> year;
  const std::optional<std::string> author;
  const std::optional<std::vector<int>> years;
  EXPECT_EQ(comparisons({}), 0U);
  EXPECT_EQ(comparisons(where<&Book::year>(year)), 0U);
  EXPECT_EQ(comparisons(!where<&Book::year>(year)), 0U);
  EXPECT_EQ(comparisons(where<&Book::year>(year) || where<&Book::author>.starts_with(author) || where<&Book::year>.in(years)), 0U);
  EXPECT_EQ(comparisons(where<&Book::year>(year) || where<&Book::author>("x")), 1U);
  EXPECT_EQ(comparisons({where<&Book::year>.less(year), where<&Book::author>("x"),
                         !(where<&Book::year>.at_least(year) && where<&Book::author>("y"))}),
            2U);
  EXPECT_EQ(comparisons(where<&Book::year>.between(year, 5)), 1U) << "one side is open";
  EXPECT_EQ((where<&Book::year>(year) || where<&Book::author>("x")).node().how, condition_kind::equal)
      << "nothing is left of the combination";
}

TEST(condition, a_long_chain_is_one_level_and_what_is_beyond_the_bounds_is_refused) {
  member_condition<Book> chain, nested = where<&Book::year>(1);
  for (std::size_t i = 0; i < most_comparisons; ++i) chain = chain || where<&Book::year>(1);
  EXPECT_EQ(chain.node().depth, 1U);
  const auto code_of = [](auto build) {
    try {
      build();
    } catch (const error& refused) {
      return std::string(refused.code());
    }
    return std::string();
  };
  EXPECT_EQ(code_of([&] { return chain || where<&Book::year>(1); }), "condition_too_large");
  const auto many = where<&Book::year>.in(std::vector<int>(1000, 1));
  auto values = many;
  for (int i = 1; i < 20; ++i) values = values || many;
  EXPECT_EQ(code_of([&] { return values || where<&Book::year>(1); }), "condition_too_large") << "a store takes so many parameters";
  EXPECT_EQ(code_of([&] {
              for (int i = 0; i < 100; ++i) nested = !nested;
            }),
            "condition_too_large");
  EXPECT_EQ(code_of([&] { return where<&Book::year>.in(std::vector<int>(most_searched_values + 1)); }), "validation_failed");
}

TEST(condition, the_text_behind_a_prefix_is_text_too) {
  EXPECT_EQ(text_behind_prefix("ab"), "ac");
  EXPECT_EQ(text_behind_prefix("a\x7f"), "a\xc2\x80");
  EXPECT_EQ(text_behind_prefix("\xed\x9f\xbf"), "\xee\x80\x80") << "surrogates are no characters";
  EXPECT_EQ(text_behind_prefix("a\xf4\x8f\xbf\xbf"), "b") << "behind the last character is the next in the place before";
  EXPECT_EQ(text_behind_prefix("\xf4\x8f\xbf\xbf"), "");
  EXPECT_EQ(text_behind_prefix(""), "");
  for (const char32_t point : std::initializer_list<char32_t>{0x20, 0x7e, 0x7ff, 0xffff, 0x10000, 0x10fffe}) {
    std::string text(1, 'x');
    if (point < 0x80)
      text += static_cast<char>(point);
    else if (point < 0x800)
      text += {static_cast<char>(0xc0 | point >> 6), static_cast<char>(0x80 | (point & 0x3f))};
    else if (point < 0x10000)
      text +=
          {static_cast<char>(0xe0 | point >> 12), static_cast<char>(0x80 | (point >> 6 & 0x3f)), static_cast<char>(0x80 | (point & 0x3f))};
    else
      text += {static_cast<char>(0xf0 | point >> 18), static_cast<char>(0x80 | (point >> 12 & 0x3f)),
               static_cast<char>(0x80 | (point >> 6 & 0x3f)), static_cast<char>(0x80 | (point & 0x3f))};
    EXPECT_LT(text + "\xf4\x8f\xbf\xbf", text_behind_prefix(text));
    EXPECT_TRUE(is_utf8_text(text_behind_prefix(text)));
  }
}

}  // namespace
