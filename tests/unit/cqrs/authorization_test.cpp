#include <gtest/gtest.h>

#include <mamey/application.hpp>
#include <mamey/testing/harness.hpp>

namespace {

using namespace mamey;

struct Refund {
  static constexpr message_options message{.exchange = "shop"};
  static constexpr auto access() { return requires_role("clerk", "admin"); }
  std::string order;
  int amount = 0;
  static constexpr auto rules() { return all(field<&Refund::amount>.at_least(1)); }
};
struct GetMine {
  using result = std::string;
  static constexpr auto access() { return requires_authenticated(); }
  int n = 0;
};
struct Refunded {
  static constexpr message_options message{.exchange = "shop"};
  std::string order;
};
struct RefundRejected {
  static constexpr message_options message{.exchange = "shop"};
  std::string order, code;
};

void refund(const Refund& command, publisher& messages) { messages.publish(Refunded{command.order}); }
std::string get_mine(const GetMine&) { return "yours"; }
RefundRejected reject_refund(const Refund& command, const error_report& reason) { return {command.order, reason.code}; }

module shop() {
  return module("shop")
      .commands<refund>()
      .queries<get_mine>()
      .subscribes<Refund>()
      .rejects<reject_refund>()
      .post<Refund>("/refunds", accepted())
      .get<GetMine>("/mine");
}
const principal ann{.id = "ann", .roles = {"guest", "clerk"}, .claims = {}};
const principal bob{.id = "bob", .roles = {"guest"}, .claims = {}};

TEST(authorization, an_endpoint_asks_for_what_its_message_declares) {
  mamey::testing::harness tested{shop()};
  EXPECT_EQ(tested.get("/mine").status, 401);
  EXPECT_EQ(tested.post("/refunds", R"({"order":"o1","amount":5})").status, 401);
  tested.act_as(bob);
  EXPECT_EQ(tested.get("/mine").status, 200);
  EXPECT_EQ(tested.post("/refunds", R"({"order":"o1","amount":5})").status, 403);
  EXPECT_TRUE(tested.published<Refunded>().empty());
  tested.act_as(ann);
  EXPECT_EQ(tested.post("/refunds", R"({"order":"o1","amount":5})").status, 202);
  EXPECT_EQ(tested.published<Refunded>().size(), 1u);
}

TEST(authorization, comes_before_validation) {
  mamey::testing::harness tested{shop()};
  EXPECT_EQ(tested.post("/refunds", R"({"amount":"many"})").status, 401) << "a stranger learns nothing of the rules";
  tested.act_as(ann);
  EXPECT_EQ(tested.post("/refunds", R"({"amount":"many"})").status, 400);
}

TEST(authorization, holds_for_commands_from_code) {
  mamey::testing::harness tested{shop()};
  EXPECT_THROW(tested.send(Refund{"o1", 5}), unauthorized);
  tested.act_as(bob);
  EXPECT_THROW(tested.send(Refund{"o1", 5}), forbidden);
  EXPECT_EQ(tested.ask(GetMine{}), "yours");
}

TEST(authorization, the_user_travels_with_a_message_with_every_role) {
  mamey::testing::harness tested{shop()};
  tested.act_as(ann);
  tested.receive(Refund{"o1", 5});
  EXPECT_EQ(tested.published<Refunded>().size(), 1u);
}

TEST(authorization, a_message_refused_on_the_bus_is_kept_and_told_and_never_retried) {
  mamey::testing::harness tested{shop()};
  tested.act_as(bob);
  tested.receive(Refund{"o1", 5});
  ASSERT_EQ(tested.failed().size(), 1u);
  EXPECT_EQ(tested.failed()[0].error_code, "forbidden");
  ASSERT_EQ(tested.published<RefundRejected>().size(), 1u);
  EXPECT_EQ(tested.published<RefundRejected>()[0].order, "o1");
}

}  // namespace
