// snippet test
#include <gtest/gtest.h>

#include <mamey/testing/harness.hpp>

#include "tickets.hpp"

using namespace tickets;

TEST(tickets, opening_a_ticket_tells_the_others) {
  mamey::testing::harness desk{tickets::service()};
  const auto id = mamey::uuid::v7(), customer = mamey::uuid::v7();

  desk.send(OpenTicket{.ticket_id = id, .customer_id = customer, .subject = "It does not blink"});

  EXPECT_EQ(desk.published<TicketOpened>().at(0).subject, "It does not blink");
  EXPECT_EQ(desk.ask(GetTicket{id})->status, Status::open);
}

TEST(tickets, a_closed_ticket_cannot_be_closed_again) {
  mamey::testing::harness desk{tickets::service()};
  const auto id = mamey::uuid::v7();
  desk.send(OpenTicket{.ticket_id = id, .customer_id = mamey::uuid::v7(), .subject = "It does not blink"});

  desk.send(CloseTicket{id});

  EXPECT_THROW(desk.send(CloseTicket{id}), mamey::domain_error);
}
// end test

// snippet test-more
TEST(tickets, an_accepted_answer_closes_the_ticket) {
  mamey::testing::harness desk{tickets::service()};
  const auto id = mamey::uuid::v7();
  desk.send(OpenTicket{.ticket_id = id, .customer_id = mamey::uuid::v7(), .subject = "It does not blink"});

  desk.receive(AnswerAccepted{id}, "message-1");
  desk.receive(AnswerAccepted{id}, "message-1");  // a duplicate: the inbox recognises it

  EXPECT_EQ(desk.ask(GetTicket{id})->status, Status::closed);
  EXPECT_TRUE(desk.failed().empty());
}

TEST(tickets, a_bad_request_is_answered_with_every_violation) {
  mamey::testing::harness desk{tickets::service()};

  const auto answer = desk.post("/tickets", R"({"subject": ""})");

  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find(R"("path":"customerId")"), std::string::npos) << answer.body;
  EXPECT_NE(answer.body.find(R"("path":"subject")"), std::string::npos) << answer.body;
}
// end test-more
