// The walks on PostgreSQL: several at once, each in a schema of its own, for a walk mostly waits for the server.

#include <thread>

#include <mamey/persistence/postgres/store.hpp>

#include "../support/postgres_server.hpp"
#include "../support/soak.hpp"
#include "unit_walk.hpp"

namespace mamey::testing {
namespace {

TEST(unit_walk_on_postgres, a_unit_of_work_does_what_plain_maps_do) {
  auto& server = postgres_server::shared();
  constexpr std::uint64_t walkers = 4;
  std::vector<std::jthread> threads;
  for (std::uint64_t seed = 31; seed < 31 + walkers; ++seed) {
    threads.emplace_back([&server, seed, schema = postgres_server::fresh_name()] {
      postgres_store db({.connection_string = server.connection_string(), .schema = schema});
      db.prepare(walked_collections());
      walk_units(db, seed, rounds(10'000, 100'000) / walkers);
    });
  }
}

}  // namespace
}  // namespace mamey::testing
