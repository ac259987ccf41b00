#include <gtest/gtest.h>

#include <mamey/application.hpp>
#include <mamey/testing/harness.hpp>

namespace {

using namespace mamey;

struct Deposited {
  static constexpr message_options message{.exchange = "accounts"};
  uuid account_id;
  int amount = 0;
};
struct BalanceChanged {
  uuid account_id;
  int balance = 0;
};
struct WentNegative {
  int balance = 0;
};
struct Overdrawn {
  static constexpr message_options message{.exchange = "accounts"};
  int balance = 0;
};
struct AccountState {
  int balance = 0;
};
class Account : public aggregate<uuid, AccountState> {
  using aggregate::aggregate;

 public:
  static Account open(const uuid& id) { return Account(id); }
  void add(int amount) {
    change().balance += amount;
    raise(BalanceChanged{id(), state().balance});
    if (amount > 0)
      raise(Deposited{id(), amount});
    else
      raise(WentNegative{state().balance});
  }
};
struct Balance {
  uuid id;
  int balance = 0;
};

struct Deposit {
  static constexpr int conflict_retries = 2;
  uuid account_id;
  int amount = 0;
  static constexpr auto rules() { return all(field<&Deposit::amount>.at_least(-1000)); }
};
struct GetBalance {
  using result = std::optional<Balance>;
  uuid account_id;
};
struct PaymentArrived {
  static constexpr message_options message{.exchange = "payments"};
  uuid account_id;
  int amount = 0;
};
struct DepositRejected {
  static constexpr message_options message{.exchange = "accounts"};
  std::string reason, code;
};
struct Remind {
  uuid account_id;
};
struct Reminded {
  static constexpr message_options message{.exchange = "accounts"};
  uuid account_id;
};

Account account_of(const uuid& id, repository<Account>& accounts) {
  auto found = accounts.find(id);
  return found ? *found : Account::open(id);
}
void deposit(const Deposit& command, repository<Account>& accounts) {
  auto account = account_of(command.account_id, accounts);
  account.add(command.amount);
  if (account.state().balance > 10'000) throw domain_error("too_rich", "balance {} is above the limit", account.state().balance);
  accounts.save(account);
}
void on_payment(const PaymentArrived& event, repository<Account>& accounts, publisher& messages) {
  if (event.amount == 666) throw std::runtime_error("the handler fell over");
  if (event.amount == 13) throw domain_error("unlucky", "no such amounts");
  auto account = account_of(event.account_id, accounts);
  account.add(event.amount);
  accounts.save(account);
  messages.send_later(Remind{event.account_id}, std::chrono::hours(1));
}
DepositRejected reject_payment(const PaymentArrived&, const error_report& reason) { return {reason.reason, reason.code}; }
void remind(const Remind& command, publisher& messages) { messages.publish(Reminded{command.account_id}); }
void show_balance(const BalanceChanged& event, read_models<Balance>& shown) { shown.put({event.account_id, event.balance}); }
std::optional<Overdrawn> tell_overdraft(const WentNegative& event) {
  return event.balance < 0 ? std::optional(Overdrawn{event.balance}) : std::nullopt;
}
std::optional<Balance> get_balance(const GetBalance& query, read_models<Balance>& shown) { return shown.find(query.account_id); }

struct counting : behaviour {
  void around(const invocation& call, const std::function<void()>& next) override {
    if (call.handler.kind == handler_kind::command) ++commands;
    next();
  }
  static inline int commands = 0;
};

module bank() {
  return module("bank")
      .commands<deposit, remind>()
      .queries<get_balance>()
      .events<on_payment>()
      .domain_events<show_balance>()
      .maps<tell_overdraft>()
      .rejects<reject_payment>()
      .behaviour<counting>()
      .get<GetBalance>("/accounts/{accountId}")
      .post<Deposit>("/accounts/{accountId}/deposits", accepted());
}

TEST(pipeline, effects_read_models_and_events_commit_together) {
  mamey::testing::harness accounts{bank()};
  const auto id = uuid::v7();
  accounts.send(Deposit{id, 30});
  accounts.send(Deposit{id, 12});
  EXPECT_EQ(accounts.ask(GetBalance{id})->balance, 42);
  const auto published = accounts.published<Deposited>();
  ASSERT_EQ(published.size(), 2u);
  EXPECT_EQ(published[1].amount, 12);
}

TEST(pipeline, a_refused_command_changes_and_publishes_nothing) {
  mamey::testing::harness accounts{bank()};
  const auto id = uuid::v7();
  EXPECT_THROW(accounts.send(Deposit{id, 20'000}), domain_error);
  EXPECT_FALSE(accounts.ask(GetBalance{id}));
  EXPECT_TRUE(accounts.published_messages().empty());
}

TEST(pipeline, rules_of_the_type_hold_for_commands_from_code) {
  mamey::testing::harness accounts{bank()};
  EXPECT_THROW(accounts.send(Deposit{uuid::v7(), -2000}), validation_error);
  EXPECT_THROW(accounts.send(Deposit{uuid{}, 1}), validation_error);
}

TEST(pipeline, a_mapping_decides_whether_a_domain_event_leaves) {
  mamey::testing::harness accounts{bank()};
  const auto id = uuid::v7();
  accounts.send(Deposit{id, 5});
  accounts.send(Deposit{id, -3});
  EXPECT_TRUE(accounts.published<Overdrawn>().empty());
  accounts.send(Deposit{id, -9});
  ASSERT_EQ(accounts.published<Overdrawn>().size(), 1u);
  EXPECT_EQ(accounts.published<Overdrawn>()[0].balance, -7);
}

TEST(pipeline, a_message_delivered_twice_has_its_effects_once) {
  mamey::testing::harness accounts{bank()};
  const auto id = uuid::v7();
  accounts.receive(PaymentArrived{id, 10}, "payment-1");
  accounts.receive(PaymentArrived{id, 10}, "payment-1");
  accounts.receive(PaymentArrived{id, 10}, "payment-2");
  EXPECT_EQ(accounts.ask(GetBalance{id})->balance, 20);
}

TEST(pipeline, a_refused_event_is_kept_and_told) {
  mamey::testing::harness accounts{bank()};
  accounts.receive(PaymentArrived{uuid::v7(), 13});
  ASSERT_EQ(accounts.failed().size(), 1u);
  EXPECT_EQ(accounts.failed()[0].error_code, "unlucky");
  ASSERT_EQ(accounts.published<DepositRejected>().size(), 1u);
  EXPECT_EQ(accounts.published<DepositRejected>()[0].code, "unlucky");
}

TEST(pipeline, a_handler_that_fails_is_retried_later_and_given_up_in_the_end) {
  mamey::testing::harness accounts{bank()};
  accounts.receive(PaymentArrived{uuid::v7(), 666});
  EXPECT_TRUE(accounts.failed().empty());
  accounts.advance(std::chrono::hours(1));
  ASSERT_EQ(accounts.failed().size(), 1u);
  EXPECT_EQ(accounts.failed()[0].handler, "on_payment");
}

/// A handler's own: what one run leaves in it no other finds.
struct Tally {
  int uses = 0;
};
std::vector<int> uses_met;

void first_to_tally(const PaymentArrived&, Tally& tally) {
  uses_met.push_back(++tally.uses);
  if (uses_met.size() == 1) throw unavailable("away", "not now");
}
void second_to_tally(const PaymentArrived&, Tally& tally) { uses_met.push_back(++tally.uses); }

TEST(scopes, are_one_a_run_neither_messages_nor_handlers_nor_tries_share_a_service) {
  mamey::testing::harness tested{
      module("tallies").services([](services& into) { into.add<Tally>(lifetime::scoped); }).events<first_to_tally, second_to_tally>()};
  tested.receive(PaymentArrived{uuid::v7(), 1});
  tested.receive(PaymentArrived{uuid::v7(), 2});
  EXPECT_EQ(uses_met, std::vector<int>(5, 1)) << "two messages, two handlers, and a second try";
}

TEST(pipeline, a_command_sent_later_is_handled_when_its_time_has_come) {
  mamey::testing::harness accounts{bank()};
  accounts.receive(PaymentArrived{uuid::v7(), 10});
  accounts.advance(std::chrono::minutes(59));
  EXPECT_TRUE(accounts.published<Reminded>().empty());
  accounts.advance(std::chrono::minutes(2));
  EXPECT_EQ(accounts.published<Reminded>().size(), 1u);
}

TEST(pipeline, own_behaviours_wrap_every_handler) {
  counting::commands = 0;
  mamey::testing::harness accounts{bank()};
  accounts.send(Deposit{uuid::v7(), 1});
  accounts.post("/accounts/" + to_string(uuid::v7()) + "/deposits", R"({"amount":1})");
  EXPECT_EQ(counting::commands, 2);
}

TEST(pipeline, endpoints_bind_run_and_answer) {
  mamey::testing::harness accounts{bank()};
  const auto id = to_string(uuid::v7());
  EXPECT_EQ(accounts.post("/accounts/" + id + "/deposits", R"({"amount":"7"})").status, 202);
  const auto shown = accounts.get("/accounts/" + id);
  EXPECT_EQ(shown.status, 200);
  EXPECT_EQ(shown.body, R"({"id":")" + id + R"(","balance":7})");
  EXPECT_EQ(accounts.get("/accounts/" + to_string(uuid::v7())).status, 404);
  EXPECT_EQ(accounts.post("/accounts/" + id + "/deposits", R"({"amount":"seven"})").status, 400);
  EXPECT_EQ(accounts.post("/accounts/" + id + "/deposits", R"({"amount":20000})").status, 400);
  EXPECT_EQ(accounts.get("/nowhere").status, 404);
  EXPECT_EQ(accounts.del("/accounts/" + id).status, 405);
}

struct Needy {
  int x = 0;
};
struct missing_service {
  int y = 0;
};
void needy(const Needy&, missing_service&) {}

TEST(pipeline, a_need_that_nobody_added_refuses_the_start_with_a_sentence) {
  mamey::testing::harness refused{module("needy").commands<needy>()};
  try {
    refused.send(Needy{1});
    FAIL() << "started";
  } catch (const error& reason) {
    EXPECT_NE(reason.reason().find("Needy needs"), std::string::npos) << reason.reason();
    EXPECT_NE(reason.reason().find("nobody added"), std::string::npos) << reason.reason();
    EXPECT_NE(reason.reason().find("needy"), std::string::npos) << reason.reason();
  }
}

}  // namespace
