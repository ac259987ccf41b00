// What a service that has nothing to do says to its database.
#include <map>

#include <mamey/messaging/in_process_transport.hpp>
#include <mamey/messaging/message_endpoint.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>

#include "postgres_fixture.hpp"

namespace mamey::testing {
namespace {

using namespace std::chrono_literals;

/// Counted by the server; the time between is virtual.
class postgres_idle : public ::testing::Test {
 protected:
  postgres_idle() { server_.execute("create extension pg_stat_statements"); }

  void forget() const { server_.execute("select pg_stat_statements_reset()"); }
  std::map<std::string, int> said() const {
    std::map<std::string, int> all;
    for (const auto& row : server_.execute("select query, calls from pg_stat_statements where query not like '%pg_stat_statements%'"))
      all[row.at(0)] += std::stoi(row.at(1));
    return all;
  }

  postgres_server server_{{"-c", "shared_preload_libraries=pg_stat_statements"}};
};

TEST_F(postgres_idle, a_service_says_at_most_75_statements_per_minute_and_12_beside_its_relay) {
  postgres_store store({.connection_string = server_.connection_string(), .schema = "orders"}, {});
  store.prepare({});
  simulated_runtime time;
  in_process_transport bus{time.loop()};
  message_endpoint_parts parts{
      .service = "orders", .module_store = &store, .through = &bus, .system_loop = &time.loop(), .workers = {&time.loop()}};
  parts.own_exchange.name = "orders";
  message_endpoint endpoint(parts);
  constexpr int minutes = 10;
  std::map<std::string, int> statements;
  time.run([&] {
    endpoint.declare();
    endpoint.start_consuming();
    endpoint.start_relay();
    sleep_for(2min);
    forget();
    sleep_for(std::chrono::minutes(minutes));
    statements = said();
    endpoint.cancel_consumers();
    endpoint.finish_in_flight(10s);
    endpoint.stop_relay(10s);
  });
  int all = 0, of_the_relay = 0;
  std::string shown;
  for (const auto& [text, count] : statements) {
    all += count;
    if (text.find("update mamey_outbox ") != std::string::npos) of_the_relay += count;
    shown += std::to_string(count) + " times " + text.substr(0, 150) + "\n";
  }
  EXPECT_GT(of_the_relay, 0) << "messages that other processes wrote are still looked for";
  EXPECT_LE(all, 75 * minutes) << shown;
  EXPECT_LE(all - of_the_relay, 12 * minutes) << shown;
}

}  // namespace
}  // namespace mamey::testing
