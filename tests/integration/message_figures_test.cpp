// Each figure of `/_messages` and its metric, on PostgreSQL and RabbitMQ: something happens, and it moves.
#include <atomic>
#include <thread>

#include <libpq-fe.h>

#include "engines_fixture.hpp"
#include "tests/support/promtool.hpp"

namespace mamey::testing {
namespace {

struct Note {
  static constexpr message_options message{.exchange = "hall"};
  std::string text;
};
struct Noted {
  static constexpr message_options message{.exchange = "hall"};
  std::string text;
};
struct Whispered {
  static constexpr message_options message{.exchange = "hall"};
  std::string text;
};
struct Fetch {
  static constexpr message_options message{.exchange = "hall"};
  std::string text;
};
struct Locked {
  static constexpr message_options message{.exchange = "hall"};
  std::string text;
};

std::atomic<int> failures{0};  // still to come

void note(const Note& command, publisher& messages) {
  if (command.text == "whisper") return messages.publish(Whispered{command.text});
  if (command.text == "fetch") return messages.send(Fetch{command.text});
  messages.publish(Noted{command.text});
}
void on_noted(const Noted& event, database& heard) {
  if (event.text == "bad") throw domain_error("bad", "it never works");
  if (event.text == "flaky" && failures.fetch_sub(1) > 0) throw unavailable("away", "it works at the second try");
  heard.execute({.text = "insert into heard values (?)", .parameters = {event.text}, .expected_rows = {}});
}
void on_locked(const Locked& event, transaction& heard) {
  heard.execute({.text = "insert into heard values (?)", .parameters = {event.text}, .expected_rows = {}});
}

application hall() {
  return application("hall")
      .add(mamey::postgres({{1, "heard", "create table heard (text text)"}}))
      .add(rabbitmq())
      .add(messaging())
      .add(module("hall").commands<note>().events<on_noted, on_locked>());
}

envelope noted(std::string id) {
  return {.id = std::move(id), .type = "Noted", .body = R"({"text": "again"})", .exchange = "hall", .routing_key = "noted"};
}

using figures_test = engines_fixture;

TEST_F(figures_test, of_the_outbox) {
  run(hall(), R"({"messaging": {"publishing": false}})", [&] {
    for (int i = 0; i < 3; ++i) running_->handlers().send(Note{"hello"});
    eventually([&] { return figures().pending == 3 && figures().oldest_age_milliseconds > 0; }, "what waits, and how long");
    EXPECT_EQ(metric("mamey_outbox_pending"), 3);
    EXPECT_GT(metric("mamey_outbox_oldest_seconds"), 0);
    EXPECT_EQ(metric("mamey_outbox_sent_total"), 0);
  });
  run(hall(), R"({"outbox": {"refusals": 1}})", [&] {
    eventually([&] { return figures().sent == 3 && figures().pending == 0; }, "what was sent");
    EXPECT_EQ(metric("mamey_outbox_sent_total"), 3);
    EXPECT_EQ(figures().oldest_age_milliseconds, 0);

    running_->handlers().send(Note{"whisper"});
    eventually([&] { return figures().unroutable == 1; }, "the event nobody is bound to");
    EXPECT_EQ(metric("mamey_outbox_unroutable"), 1);
    EXPECT_EQ(figures().parked, 0);

    running_->handlers().send(Note{"fetch"});
    eventually([&] { return figures().parked == 1; }, "the command nobody takes");
    EXPECT_EQ(metric("mamey_outbox_parked"), 1);
    EXPECT_EQ(metric("mamey_outbox_refused_total"), 1);
    EXPECT_EQ(figures().refused, 1);
    EXPECT_EQ(figures().attempts, 5) << "three sent, one to nobody, one refused";
    EXPECT_EQ(metric("mamey_outbox_attempts_total"), 5);
    EXPECT_EQ(figures().sent, 3);
    EXPECT_EQ(promtool_says(get("/metrics")), "");
  });
}

TEST_F(figures_test, of_the_handlers) {
  run(hall(), R"({"messaging": {"startLimit": 2}})", [&] {
    const auto now = [&] { return figures_of("Noted"); };
    commit(noted("m1"));
    eventually([&] { return now().handled == 1; }, "the handling");
    EXPECT_EQ(metric("mamey_messages_handled_total{subscription=\"Noted\"}"), 1);
    commit(noted("m1"));
    eventually([&] { return now().duplicates == 1; }, "the duplicate");
    EXPECT_EQ(metric("mamey_messages_duplicate_total{subscription=\"Noted\"}"), 1);
    EXPECT_EQ(now().handled, 1);

    failures = 1;
    running_->handlers().send(Note{"flaky"});
    eventually([&] { return now().handled == 2; }, "the second try");
    EXPECT_EQ(now().retried, 1);
    EXPECT_EQ(metric("mamey_messages_retried_total{subscription=\"Noted\"}"), 1);
    EXPECT_EQ(now().attempts, 3) << "the duplicate was not run";
    EXPECT_EQ(metric("mamey_messages_attempts_total{subscription=\"Noted\"}"), 3);

    running_->handlers().send(Note{"bad"});
    eventually([&] { return now().failed == 1 && figures().errors == 1; }, "the record");
    EXPECT_EQ(metric("mamey_messages_failed_total{subscription=\"Noted\"}"), 1);
    EXPECT_EQ(metric("mamey_errors"), 1);
    EXPECT_EQ(now().parked, 0);

    auto row =
        delayed_message{.id = "r1", .subscription = "on_noted", .message = noted("m2"), .starts = 2};  // as two dead processes leave it
    running_->module_store()->commit({.inbox = {}, .delayed = {std::move(row)}});
    eventually([&] { return now().parked == 1; }, "the end of its starts");
    EXPECT_EQ(metric("mamey_messages_parked_total{subscription=\"Noted\"}"), 1);
    EXPECT_EQ(now().attempts, 4) << "it was not run";
    eventually([&] { return figures().errors == 2; }, "its record");

    run_blocking([&] { publish_raw("hall", "noted", "", R"({"text": "nameless"})"); });
    eventually([&] { return now().without_id == 1 && now().handled == 3; }, "the message without an id");
    EXPECT_EQ(metric("mamey_messages_without_id_total{subscription=\"Noted\"}"), 1);
    EXPECT_EQ(metric("mamey_messages_lost_total{subscription=\"Noted\"}"), 0);
    EXPECT_EQ(promtool_says(get("/metrics")), "");
  });
}

TEST_F(figures_test, of_a_duplicate_that_its_commit_finds) {
  run(hall(), R"({"messaging": {"lookBeforeHandling": false}})", [&] {
    commit(noted("m1"));
    eventually([&] { return figures_of("Noted").handled == 1; }, "the handling");
    commit(noted("m1"));
    eventually([&] { return figures_of("Noted").duplicates == 1; }, "the duplicate");
    EXPECT_EQ(figures_of("Noted").attempts, 2) << "it was run";
    EXPECT_EQ(metric("mamey_messages_attempts_total{subscription=\"Noted\"}"), 2);
    EXPECT_EQ(figures_of("Noted").handled, 1);
    EXPECT_EQ(sql("select count(*) from heard"), "1");
  });
}

TEST_F(figures_test, of_a_message_that_another_process_handles_just_now) {
  run(hall(), "{}", [&] {
    auto message = noted("m1");
    message.type = "Locked";
    message.routing_key = "locked";
    const auto lock = "hashtextextended('m1', hashtext('" + schema_ + "/on_locked'))";
    std::atomic<bool> let_go{false};
    std::atomic<bool> held{false};
    std::thread other([&] {
      PGconn* const session = PQconnectdb(postgres().administrator().c_str());
      PQclear(PQexec(session, ("select pg_advisory_lock(" + lock + ")").c_str()));
      held = true;
      let_go.wait(false);
      PQfinish(session);
    });
    eventually([&] { return held.load(); }, "the other's lock");
    commit(message);
    eventually([&] { return figures_of("Locked").busy >= 1; }, "the busy message");
    EXPECT_GE(metric("mamey_messages_busy_total{subscription=\"Locked\"}"), 1);
    EXPECT_EQ(figures_of("Locked").handled, 0);
    let_go = true;
    let_go.notify_one();
    other.join();
    eventually([&] { return figures_of("Locked").handled == 1; }, "its turn");
    EXPECT_EQ(figures_of("Locked").failed, 0);
  });
}

}  // namespace
}  // namespace mamey::testing
