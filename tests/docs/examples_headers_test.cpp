/// The headers that docs/host.md names are those that bring what it says.

// snippet headers
#include <mamey/application.hpp>  // application, module, host, aggregates, repositories, messages, errors, rules, log, uuid, decimal, times, services
#include <mamey/core/json.hpp>                     // mamey::json
#include <mamey/engines/feature.hpp>               // mamey::engines()
#include <mamey/http/client.hpp>                   // mamey::http::client
#include <mamey/messaging/rabbitmq/feature.hpp>    // mamey::rabbitmq()
#include <mamey/observability/health.hpp>          // mamey::health::registry
#include <mamey/observability/metrics.hpp>         // mamey::metrics::registry
#include <mamey/persistence/postgres/feature.hpp>  // mamey::postgres()
#include <mamey/persistence/sqlite/feature.hpp>    // mamey::sqlite()
#include <mamey/runtime/fiber.hpp>                 // mamey::sleep_for, mamey::run_blocking
#include <mamey/testing/harness.hpp>               // mamey::testing::harness
// end headers

#include <gtest/gtest.h>

namespace {

struct DoorState {
  std::string name;
};
class Door : public mamey::aggregate<mamey::uuid, DoorState> {
  using aggregate::aggregate;
};
struct Open {
  mamey::uuid id;
};
struct Doorkeeper {
  Doorkeeper(mamey::metrics::registry& metrics, mamey::health::registry&)
      : opened(metrics.counters("doors_opened_total", "Doors opened.", {}).with({})) {}
  mamey::metrics::counter& opened;
};
void open(const Open& command, mamey::repository<Door>& doors, mamey::publisher&, Doorkeeper& keeper) {
  if (!doors.exists(command.id)) throw mamey::not_found("not_found", "there is no door {}", command.id);
  mamey::sleep_for(std::chrono::milliseconds(1));
  keeper.opened.increment();
}
struct Elsewhere {
  explicit Elsewhere(mamey::http::client& called) : client(called) {}
  mamey::http::client& client;
};

TEST(the_headers_of_the_guide, bring_what_it_says) {
  mamey::testing::harness doors{
      mamey::module("doors").commands<open>().services([](mamey::services& services) { services.add<Doorkeeper>(); })};

  EXPECT_THROW(doors.send(Open{mamey::uuid::v7()}), mamey::not_found);

  EXPECT_EQ(mamey::json::to_string(Open{}), "{\"id\":\"00000000-0000-0000-0000-000000000000\"}");
  static_assert(std::is_constructible_v<Elsewhere, mamey::http::client&>);
}

}  // namespace
