// The walks on the store in memory and on SQLite.

#include <mamey/persistence/sqlite/store.hpp>

#include "../support/memory_store.hpp"
#include "../support/soak.hpp"
#include "../support/temporary_directory.hpp"
#include "unit_walk.hpp"

namespace mamey::testing {
namespace {

TEST(unit_walk, a_unit_of_work_does_what_plain_maps_do_in_memory) {
  for (std::uint64_t seed = 1; seed <= 4 && !::testing::Test::HasFailure(); ++seed) {
    memory_store db;
    walk_units(db, seed, rounds(25'000, 250'000));
  }
}

TEST(unit_walk, a_unit_of_work_does_what_plain_maps_do_on_sqlite) {
  for (std::uint64_t seed = 11; seed <= 12 && !::testing::Test::HasFailure(); ++seed) {
    const temporary_directory folder;
    sqlite_store db({.directory = folder.path(), .path = "walk.db"});
    db.prepare(walked_collections());
    walk_units(db, seed, rounds(5'000, 50'000));
  }
}

}  // namespace
}  // namespace mamey::testing
