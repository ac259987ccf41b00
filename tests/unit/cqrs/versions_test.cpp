#include <gtest/gtest.h>

#include <mamey/application.hpp>
#include <mamey/testing/harness.hpp>

namespace {

using namespace mamey;

struct PlacedV1 {
  static constexpr message_options message{.name = "Placed", .exchange = "orders"};
  std::string customer;
};
struct PlacedV2 {
  static constexpr message_options message{.name = "Placed", .exchange = "orders", .version = 2};
  std::string customer;
  int amount = 0;
};
struct Placed {
  static constexpr message_options message{.exchange = "orders", .version = 3};
  std::string first_name, last_name;
  int amount = 0;
};
struct Told {
  static constexpr message_options message{.exchange = "told"};
  std::string text;
};

PlacedV2 with_amount(const PlacedV1& earlier) { return {earlier.customer, 1}; }
Placed with_names(const PlacedV2& earlier) {
  const auto space = earlier.customer.find(' ');
  if (space == std::string::npos) throw domain_error("one_name", "{} is one name", earlier.customer);
  return {earlier.customer.substr(0, space), earlier.customer.substr(space + 1), earlier.amount};
}
void on_placed(const Placed& event, publisher& messages) { messages.publish(Told{event.last_name + " " + std::to_string(event.amount)}); }

module listening() { return module("told").events<on_placed>().lifts<with_amount, with_names>(); }

TEST(versions, earlier_messages_are_lifted_step_by_step_to_what_the_handler_reads) {
  mamey::testing::harness tested{listening()};
  tested.receive(PlacedV1{"Ann Smith"});
  tested.receive(PlacedV2{"Bob Jones", 7});
  tested.receive(Placed{"Cid", "Moor", 9});
  const auto told = tested.published<Told>();
  ASSERT_EQ(told.size(), 3u);
  EXPECT_EQ(told[0].text, "Smith 1");
  EXPECT_EQ(told[1].text, "Jones 7");
  EXPECT_EQ(told[2].text, "Moor 9");
}

TEST(versions, a_message_that_cannot_be_lifted_goes_to_the_error_store) {
  mamey::testing::harness tested{listening()};
  tested.receive(PlacedV1{"Plato"});
  ASSERT_EQ(tested.failed().size(), 1u);
  EXPECT_EQ(tested.failed()[0].error_code, "upcast_failed");
}

TEST(handlers, renamed_must_be_listed) {
  mamey::testing::harness tested{module("told").events<on_placed>().renamed<with_amount>("earlier")};
  EXPECT_THROW(tested.receive(Placed{"a", "b", 1}), internal_error);
  mamey::testing::harness listed{module("told").events<on_placed>().renamed<on_placed>("placed_handler").ordered<Placed>()};
  listed.receive(Placed{"a", "b", 1}, "m1");
  listed.receive(Placed{"a", "b", 1}, "m1");
  EXPECT_EQ(listed.published<Told>().size(), 1u);
}

}  // namespace
