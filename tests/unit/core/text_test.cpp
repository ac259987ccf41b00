#include <mamey/core/text.hpp>

#include <gtest/gtest.h>

namespace {

std::string format(std::string_view pattern, std::initializer_list<mamey::text_argument> arguments) {
  return mamey::format_text(pattern, {arguments.begin(), arguments.size()});
}

TEST(text, holes_take_arguments_in_turn) {
  EXPECT_EQ(format("{a} and {} and {c}", {1, "two", std::string("three")}), "1 and two and three");
  EXPECT_EQ(format("{} {} {}", {true, 1.5, std::uint64_t{18446744073709551615U}}), "true 1.5 18446744073709551615");
  EXPECT_EQ(format("{}", {std::int64_t{-1}}), "-1");
}

TEST(text, doubled_braces_are_braces) { EXPECT_EQ(format("{{}} {{{}}}", {7}), "{} {7}"); }

TEST(text, what_is_no_hole_stays) {
  EXPECT_EQ(format("{a} {b}", {1}), "1 {b}");
  EXPECT_EQ(format("open { and } close", {}), "open { and } close");
  EXPECT_EQ(format("{never closed", {1}), "{never closed");
}

TEST(text, names_change_between_snake_and_camel_case) {
  EXPECT_EQ(mamey::camel_case("customer_id"), "customerId");
  EXPECT_EQ(mamey::camel_case("OrderCreated"), "orderCreated");
  EXPECT_EQ(mamey::camel_case("URLValue"), "urlValue");
  EXPECT_EQ(mamey::camel_case("IN_PROGRESS"), "inProgress");
  EXPECT_EQ(mamey::camel_case(""), "");
  EXPECT_EQ(mamey::snake_case("OrderCreated"), "order_created");
  EXPECT_EQ(mamey::snake_case("orderId"), "order_id");
  EXPECT_EQ(mamey::snake_case("HTTPRequest"), "http_request");
  EXPECT_EQ(mamey::snake_case("already_snake"), "already_snake");
}

}  // namespace
