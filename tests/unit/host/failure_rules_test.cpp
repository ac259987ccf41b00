// Rules for failures, as code and configuration give them: refused where they name nothing, and what an operator sees of a pause.
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>

#include <mamey/application.hpp>
#include <mamey/persistence/sqlite/feature.hpp>
#include <mamey/testing/harness.hpp>

#include "../observability/log_capture.hpp"

namespace {

using namespace mamey;
using namespace std::chrono_literals;
using mamey::testing::harness;

struct PaymentDue {
  static constexpr message_options message{.exchange = "payments"};
  std::string card;
};
struct PaymentCancelled {
  static constexpr message_options message{.exchange = "payments"};
  std::string card;
};

int charges = 0;
bool provider_away = false;

void charge_card(const PaymentDue& due) {
  ++charges;
  if (provider_away) throw unavailable("provider_away", "the provider does not answer");
  if (due.card == "declined") throw domain_error("card_declined", "the card was declined");
}
void note_cancellation(const PaymentCancelled&) { throw unavailable("notes_away", "no notes"); }

module payments() { return module("payments").events<charge_card, note_cancellation>(); }

std::size_t told(const log_capture& log, std::string_view sentence) {
  std::size_t count = 0;
  for (const auto& each : log.records()) count += each.message.find(sentence) != std::string::npos ? 1 : 0;
  return count;
}

class failure_rules_of_an_application : public ::testing::Test {
 protected:
  failure_rules_of_an_application() {
    charges = 0;
    provider_away = false;
  }
  static std::string refusal(module what, const std::string& key = {}, const std::string& value = {}) {
    try {
      harness tested{std::move(what)};
      if (!key.empty()) tested.set(key, value);
      tested.advance(1ms);
      return {};
    } catch (const std::exception& refused) {
      return refused.what();
    }
  }
};

TEST_F(failure_rules_of_an_application, a_rule_in_code_decides_and_a_rule_in_the_configuration_beats_it) {
  const auto declared = [] { return payments().on_failure("card_declined", {.reaction = failure_reaction::discard}); };
  harness by_code{declared()};
  by_code.receive(PaymentDue{"declined"});
  EXPECT_TRUE(by_code.failed().empty());
  harness by_configuration{declared()};
  by_configuration.set("messaging:recoverability:errorCodes:card_declined:reaction", "errorStore");
  by_configuration.receive(PaymentDue{"declined"});
  EXPECT_EQ(by_configuration.failed().size(), 1U);
}

TEST_F(failure_rules_of_an_application, rules_of_a_handler_and_of_a_type_have_retries_of_their_own) {
  harness tested{payments()
                     .on_failure<charge_card>({.immediate_retries = 4, .delayed_retries = {{}}})
                     .on_failure<PaymentCancelled>({.reaction = failure_reaction::error_store})};
  provider_away = true;
  tested.receive(PaymentDue{"4711"});
  EXPECT_EQ(charges, 5);
  tested.receive(PaymentCancelled{"4711"});
  std::map<std::string, int> attempts;
  for (const auto& each : tested.failed()) attempts[each.handler] = each.attempts;
  EXPECT_EQ(attempts, (std::map<std::string, int>{{"charge_card", 5}, {"note_cancellation", 1}}));
}

TEST_F(failure_rules_of_an_application, a_rule_for_what_nobody_has_is_refused_with_the_names_that_there_are) {
  const std::string section = "messaging:recoverability:";
  EXPECT_NE(
      refusal(payments(), section + "handlers:charge_cart:reaction", "discard")
          .find("no handler of messages is called charge_cart: did you mean charge_card?; expected one of charge_card, note_cancellation"),
      std::string::npos);
  EXPECT_NE(refusal(payments(), section + "messageTypes:Payment:reaction", "discard").find("no type of messages is called Payment"),
            std::string::npos);
  EXPECT_NE(refusal(payments(), section + "handlers:charge_card:reaction", "drop").find("retry, discard, errorStore"), std::string::npos);
  EXPECT_NE(refusal(module("m").events<note_cancellation>().on_failure<charge_card>({.reaction = failure_reaction::discard}))
                .find("on_failure in module m: no handler of messages is called charge_card"),
            std::string::npos);
  EXPECT_NE(refusal(payments().on_failure<charge_card>({.immediate_retries = 1}).on_failure<charge_card>({.immediate_retries = 2}))
                .find("has two rules of on_failure for charge_card"),
            std::string::npos);
  EXPECT_NE(refusal(payments().on_failure<charge_card>({.reaction = failure_reaction::pause, .immediate_retries = 2}))
                .find("on_failure in module payments.handlers.charge_card gives retries"),
            std::string::npos);
}

TEST_F(failure_rules_of_an_application, retries_of_a_rule_that_outlast_the_inbox_are_refused) {
  harness tested{payments().on_failure("provider_away", {.delayed_retries = {{std::chrono::hours(24 * 30)}}})};
  try {
    tested.advance(1ms);
    ADD_FAILURE() << "such a retry would be handled twice";
  } catch (const validation_error& refused) {
    EXPECT_NE(refused.violations().front().message.find("must be at least the retries of charge_card after provider_away"),
              std::string::npos);
  }
}

TEST_F(failure_rules_of_an_application, a_code_that_looks_like_one_with_a_rule_is_logged_once) {
  const log_capture log;
  harness tested{payments()};
  tested.set("messaging:recoverability:errorCodes:card_decline:reaction", "discard");
  tested.receive(PaymentDue{"declined"});
  tested.receive(PaymentDue{"declined"});
  EXPECT_EQ(told(log, "a failure has the code card_declined, for which there is no rule: did you mean card_decline?"), 1U);
}

TEST_F(failure_rules_of_an_application, retries_in_code_that_give_way_to_the_configuration_are_logged) {
  const log_capture log;
  harness tested{payments().on_failure<charge_card>({.immediate_retries = 4})};
  tested.set("messaging:immediateRetries", "0");
  tested.advance(1ms);
  EXPECT_EQ(told(log, "the retries that on_failure declares for charge_card give way to messaging:immediateRetries"), 1U);
}

TEST_F(failure_rules_of_an_application, a_pause_is_shown_and_ended_by_an_operator) {
  harness tested{payments().on_failure("provider_away", {.reaction = failure_reaction::pause})};
  tested.set("management:messages", "true");
  tested.set("management:apiKey", "key");
  provider_away = true;
  tested.receive(PaymentDue{"4711"});
  const mamey::testing::header_list operator_{{"X-Api-Key", "key"}};
  EXPECT_EQ(tested.get("/health/ready", operator_).status, 200);
  EXPECT_NE(tested.get("/health/ready", operator_).body.find("PaymentDue is paused: charge_card failed with provider_away"),
            std::string::npos);
  EXPECT_NE(tested.get("/_messages", operator_).body.find(R"("name":"PaymentDue","state":"paused")"), std::string::npos);
  EXPECT_THROW(tested.receive(PaymentDue{"4712"}), std::logic_error) << "nothing is handled";
  EXPECT_EQ(charges, 1);
  EXPECT_EQ(tested.post("/_messages/subscriptions/Payment/resume", "{}", operator_).status, 404);
  provider_away = false;
  EXPECT_EQ(tested.post("/_messages/subscriptions/PaymentDue/resume", "{}", operator_).status, 204);
  tested.advance(1s);
  tested.receive(PaymentDue{"4712"});
  EXPECT_EQ(charges, 2);
  EXPECT_EQ(tested.post("/_messages/subscriptions/PaymentDue/resume", "{}", operator_).status, 409);
}

}  // namespace
