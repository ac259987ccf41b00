// What a subscription promises when things go wrong around it, on PostgreSQL and RabbitMQ.
#include <algorithm>
#include <atomic>
#include <csignal>

#include <mamey/runtime/context.hpp>

#include "../unit/observability/log_capture.hpp"
#include "engines_fixture.hpp"

namespace mamey::testing {
namespace {

struct Noted {
  static constexpr message_options message{.exchange = "hall"};
  std::string text;
};
struct Held {
  static constexpr message_options message{.exchange = "hall"};
  std::string text;
};

struct Asked {
  static constexpr message_options message{.exchange = "hall"};
  std::string text;
};

std::atomic<int> starts{0};
std::atomic<bool> released{false};

void on_noted(const Noted& event, database& heard) {
  heard.execute({.text = "insert into heard values (?)", .parameters = {event.text}, .expected_rows = {}});
}
void on_held(const Held& event, database& heard) {
  heard.query({.text = "select 1 from heard"}, [](const sql_row&) {});
  ++starts;
  while (!released) sleep_for(5ms);
  heard.execute({.text = "insert into heard values (?)", .parameters = {event.text}, .expected_rows = {}});
}

void on_asked(const Asked& event, database& heard) {
  const auto& user = current_context().user;
  const auto who = user ? user->id + " the " + user->roles.at(0) : std::string("nobody");
  heard.execute({.text = "insert into heard values (?)", .parameters = {event.text + " by " + who}, .expected_rows = {}});
}

application hall() {
  return application("hall")
      .add(mamey::postgres({{1, "heard", "create table heard (text text)"}}))
      .add(rabbitmq())
      .add(messaging())
      .add(module("hall").events<on_noted, on_held, on_asked>());
}

std::string named(const std::string& id, const std::string& type) {
  return "{message_id, <<\"" + id + "\">>}, {type, <<\"" + type + "\">>}, {delivery_mode, 2}";
}

class engines_test : public engines_fixture {
 protected:
  engines_test() {
    starts = 0;
    released = false;
  }
  static constexpr auto queue = "tests/hall.noted";
};

class engines_with_a_store_that_dies : public engines_test {
 protected:
  postgres_server& postgres() const override { return own_; }
  mutable postgres_server own_;
};

TEST_F(engines_with_a_store_that_dies, nothing_is_acknowledged_until_it_is_back_and_then_each_has_its_effect_once) {
  constexpr int count = 30;
  run(hall(), R"({"messaging": {"immediateRetries": 0, "concurrency": 4, "lookBeforeHandling": false}})", [&] {
    run_blocking([&] {
      own_.stop(SIGQUIT);
      publish_raw("hall", "noted", "{message_id, integer_to_binary(N)}", R"({"text": "once"})", count);
    });
    eventually([&] { return figures_of("Noted").attempts > 4; }, "tries after the first pause");
    run_blocking([&] { EXPECT_EQ(messages_in(queue), count) << "acknowledged without an outcome"; });
    EXPECT_EQ(figures_of("Noted").handled, 0);
    EXPECT_EQ(figures_of("Noted").failed, 0);
    eventually([&] { return !figures().trouble.empty(); }, "word of the trouble");
    run_blocking([&] { own_.start(); });
    eventually([&] { return figures_of("Noted").handled == count; }, "the effects");
    EXPECT_EQ(sql("select count(*) from heard"), std::to_string(count));
    EXPECT_EQ(figures().errors, 0);
    eventually([&] { return run_blocking([&] { return messages_in(queue); }) == 0; }, "the acknowledgements");
    eventually([&] { return figures().trouble.empty(); }, "the end of the trouble");
  });
}

TEST_F(engines_test, a_handler_that_waits_for_something_else_holds_no_connection) {
  run(hall(),
      R"({"messaging": {"concurrency": 4}, "postgres": {"readConnections": 1, "flushConnections": 1, "interactiveConnections": 1}})", [&] {
        run_blocking([&] { publish_raw("hall", "held", "{message_id, integer_to_binary(N)}", R"({"text": "held"})", 3); });
        eventually([&] { return starts == 3; }, "three that have read and wait");
        run_blocking([&] { publish_raw("hall", "noted", "{message_id, integer_to_binary(N)}", R"({"text": "noted"})", 20); });
        eventually([&] { return figures_of("Noted").handled == 20; }, "the others' effects");
        EXPECT_EQ(figures_of("Held").handled, 0);
        released = true;
        eventually([&] { return figures_of("Held").handled == 3; }, "their own");
        EXPECT_EQ(sql("select count(*) from heard"), "23");
      });
}

TEST_F(engines_test, a_message_without_an_id_is_handled_counted_and_warned_of) {
  const log_capture log;
  run(hall(), "{}", [&] {
    run_blocking([&] { publish_raw("hall", "noted", "", R"({"text": "nameless"})", 2); });
    eventually([&] { return figures_of("Noted").handled == 2; }, "both effects");
    EXPECT_EQ(figures_of("Noted").without_id, 2);
    EXPECT_EQ(sql("select count(*) from heard where text = 'nameless'"), "2") << "nobody can tell them apart";
    EXPECT_EQ(sql("select count(*) from mamey_inbox"), "0");
  });
  const auto warns = [](const mamey::log_record& each) {
    return each.level == log_level::warning && each.message.find("without an id") != std::string::npos;
  };
  EXPECT_EQ(std::ranges::count_if(log.records(), warns), 1) << "a warning, and not one a message";
}

TEST_F(engines_test, a_handler_acts_for_the_user_whose_message_is_signed_and_for_nobody_else) {
  constexpr auto identity = R"({"rabbitMq": {"identity": {"keyId": "now", "secrets": {"now": "0123456789abcdef0123456789abcdef"}}}})";
  constexpr auto mia = R"({"id": "mia", "roles": ["clerk"]})";
  run(hall(), identity, [&] {
    commit({.id = "signed", .type = "Asked", .user = mia, .body = R"({"text": "signed"})", .exchange = "hall", .routing_key = "asked"});
    run_blocking([&] {
      publish_raw("hall", "asked",
                  named("forged", "Asked") +
                      R"(, {headers, [{<<"message_context">>, longstr, <<"{\"user\":{\"id\":\"mia\",\"roles\":[\"clerk\"]}}">>}]})",
                  R"({"text": "forged"})");
    });
    eventually([&] { return figures_of("Asked").handled == 2; }, "both effects");
    EXPECT_EQ(sql("select string_agg(text, ', ' order by text) from heard"), "forged by nobody, signed by mia the clerk");
  });
}

TEST_F(engines_test, a_message_of_another_type_in_the_queue_goes_to_the_error_store_and_the_rest_flows) {
  run(hall(), "{}", [&] {
    run_blocking([&] {
      publish_raw("hall", "noted", named("stranger", "Stranger"), R"({"text": {"another": "form"}})");
      publish_raw("hall", "noted", "{message_id, <<\"typeless\">>}", R"({"text": "typeless"})");
    });
    eventually([&] { return figures_of("Noted").handled == 1 && figures().errors == 1; }, "the record, and the rest");
    EXPECT_EQ(figures_of("Noted").attempts, 2) << "what cannot be read is not tried again";
    EXPECT_EQ(sql("select split_part(message_id, '/', 2) || ' ' || type from mamey_errors"), "stranger Stranger");
    EXPECT_EQ(sql("select text from heard"), "typeless");
    eventually([&] { return run_blocking([&] { return messages_in(queue); }) == 0; }, "both acknowledgements");
  });
}

TEST_F(engines_test, a_redelivered_message_counts_its_start_before_the_work_and_is_parked_past_its_limit) {
  run(hall(), R"({"messaging": {"startLimit": 1, "handlerTimeout": "00:02:00"}})", [&] {
    const auto cut = [&] {
      broker().evaluate("[rabbit_networking:close_connection(Pid, \"the test\") || Pid <- rabbit_networking:connections()], ok.");
    };
    run_blocking([&] { publish_raw("hall", "held", named("m1", "Held"), R"({"text": "held"})"); });
    eventually([&] { return starts == 1; }, "the first start");
    EXPECT_EQ(sql("select count(*) from mamey_handling_starts"), "0") << "a first delivery costs no row";
    run_blocking(cut);
    eventually([&] { return starts == 2; }, "the second start");
    EXPECT_EQ(sql("select starts from mamey_handling_starts where message_id like 'hall/m1/%'"), "2")
        << "counted before the work, and the one before it";
    run_blocking(cut);
    eventually([&] { return figures_of("Held").parked == 1; }, "the end of its starts");
    EXPECT_EQ(starts, 2) << "not run again";
    released = true;  // those that were cut off come too late
    eventually([&] { return figures_of("Held").duplicates == 2; }, "their ends");
    EXPECT_EQ(sql("select count(*) from heard"), "0");
    EXPECT_EQ(sql("select error_code from mamey_errors"), "start_limit_exceeded");
  });
}

}  // namespace
}  // namespace mamey::testing
