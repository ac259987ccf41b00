// A handler that waits for something else while its transaction is open holds locks and a connection meanwhile.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include <mamey/application.hpp>
#include <mamey/cqrs/pipeline.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/host/running_application.hpp>
#include <mamey/http/client.hpp>
#include <mamey/http/message.hpp>
#include <mamey/messaging/direct_publisher.hpp>
#include <mamey/messaging/in_process_transport.hpp>
#include <mamey/persistence/sqlite/feature.hpp>
#include <mamey/persistence/sqlite/store.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/sync.hpp>
#include <mamey/runtime/wait_watch.hpp>
#include <mamey/testing/harness.hpp>

#include "../observability/log_capture.hpp"

namespace {

using namespace mamey;
using namespace std::chrono_literals;
using mamey::testing::harness;

struct Take {
  std::string how;
};
struct Taken {
  static constexpr message_options message{.exchange = "tickets"};
  std::string how;
};
struct Ticket {
  uuid id;
};

void wait_as_asked(const std::string& how) {
  if (how == "sleep") sleep_for(10ms);
  if (how == "lock") {
    semaphore permits(0);
    permits.try_acquire_until(steady_now() + 10ms);
  }
}

void take(const Take& command, transaction& open, read_models<Ticket>& tickets) {
  if (command.how == "sleep before") sleep_for(10ms);
  if (command.how == "swallow") {
    try {
      sleep_for(10ms);
    } catch (const error&) {}
  }
  open.execute("update numbers set taken = taken + 1");
  tickets.put({.id = uuid::v7()});
  tickets.find(uuid::v7());
  wait_as_asked(command.how);
  open.execute("update numbers set taken = taken + 1");
}
void on_taken(const Taken& event, transaction&) { wait_as_asked(event.how); }

const sql_migration numbers{1, "numbers", "create table numbers (taken integer); insert into numbers values (0)"};

application tickets() {
  return application("tickets").add(sqlite({numbers})).add(messaging()).add(module("tickets").commands<take>().events<on_taken>());
}

std::string refusal_of(const std::string& how) {
  harness tested{tickets()};
  try {
    tested.send(Take{how});
    return {};
  } catch (const error& refused) {
    return refused.code() + ": " + refused.reason();
  }
}

TEST(waits_in_transactions, are_a_failure_in_a_test_that_names_the_handler_and_the_wait) {
  EXPECT_EQ(refusal_of("sleep").find("waits_in_transaction: take waits for sleep_for while its transaction is open"), 0U);
  EXPECT_EQ(refusal_of("lock").find("waits_in_transaction: take waits for a semaphore while its transaction is open"), 0U);
}

TEST(waits_in_transactions, an_ordinary_transaction_is_none) { EXPECT_EQ(refusal_of("at once"), ""); }

TEST(waits_in_transactions, the_transaction_is_open_before_its_first_statement) {
  EXPECT_EQ(refusal_of("sleep before").find("waits_in_transaction"), 0U);
}

TEST(waits_in_transactions, a_handler_that_catches_the_refusal_fails_all_the_same) {
  EXPECT_EQ(refusal_of("swallow").find("waits_in_transaction"), 0U);
}

TEST(waits_in_transactions, of_a_message_are_found_as_well) {
  harness tested{tickets()};
  tested.set("messaging:immediateRetries", "0");
  tested.set("messaging:delayedRetries", "");
  tested.receive(Taken{"sleep"});
  tested.advance(1h);
  ASSERT_EQ(tested.failed().size(), 1U);
  EXPECT_EQ(tested.failed()[0].error_code, "waits_in_transaction");
}

struct noted_wait final : wait_watch {
  std::string first;
  std::exception_ptr waits(std::string_view what, std::string_view object) noexcept override {
    if (first.empty()) first = std::string(what).append(object);
    return nullptr;
  }
};

TEST(waits_in_transactions, a_call_over_http_is_reported_as_one_wait) {
  mamey::runtime loops{{.threads = 1}};
  noted_wait noted;
  loops.run_on(loops.system_loop(), [&] {
    const http::client client{loops, {.retries = 0}};
    const watched_waits watched(&noted);
    EXPECT_THROW(client.send({.url = "http://127.0.0.1:1/"}), unavailable);
  });
  EXPECT_EQ(noted.first, "an HTTP call of 127.0.0.1:1");
}

TEST(waits_in_transactions, a_confirm_is_reported) {
  simulated_runtime time;
  noted_wait noted;
  time.run([&] {
    in_process_transport bus{time.loop()};
    bus.declare({.exchanges = {{.name = "orders"}},
                 .queues = {{.name = "q"}},
                 .bindings = {{.queue = "q", .exchange = "orders", .routing_key = "k"}}});
    direct_publisher out(bus, time.loop(), 1s);
    envelope message;
    message.id = "m1";
    message.type = "OrderPlaced";
    message.exchange = "orders";
    message.routing_key = "k";
    const watched_waits watched(&noted);
    out.publish({message});
  });
  EXPECT_EQ(noted.first, "the confirm of OrderPlaced");
}

/// As in production: the handler succeeds, the log has one line per minute and handler, and a metric counts.
TEST(waits_in_transactions, are_logged_once_and_counted_in_production) {
  const log_capture log;
  simulated_runtime time;
  auto definition = application("tickets").add(module("tickets").commands<take>()).release();
  definition->use_store({.name = "memory", .feature = "the test"}, [](const environment& around) -> std::unique_ptr<store> {
    sqlite_options options;
    options.path = ":memory:";
    return std::make_unique<sqlite_store>(options, sqlite_environment{.clock = [loop = around.system_loop] { return loop->wall_now(); },
                                                                      .migrations = {numbers},
                                                                      .wait = sqlite_environment::waiting::block});
  });
  running_application running(std::move(definition), {.system_loop = &time.loop(), .workers = {&time.loop()}});
  std::string page;
  time.run([&] {
    running.prepare();
    for (int i = 0; i < 3; ++i) {
      const Take command{"sleep"};
      running.handlers().dispatch(message_info_of<Take>(), &command, {});
    }
    auto asked = http::request::make(http_method::get, "/metrics", {}, "");
    http::response answer;
    running.requests().handle(asked, answer);
    page = answer.body();
  });
  EXPECT_NE(page.find("mamey_waits_in_transaction_total{handler=\"take\"} 3"), std::string::npos) << page;
  std::size_t lines = 0;
  for (const auto& each : log.records())
    lines += each.message.find("take waits for sleep_for while its transaction is open") != std::string::npos ? 1 : 0;
  EXPECT_EQ(lines, 1U);
}

}  // namespace
