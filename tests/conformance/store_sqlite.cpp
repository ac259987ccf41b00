#include <atomic>

#include <mamey/persistence/sqlite/store.hpp>

#include "../support/temporary_directory.hpp"
#include "store_conformance.hpp"

namespace mamey::testing {
namespace {

class sqlite_database final : public test_database {
 public:
  explicit sqlite_database(std::string path) : options_{.directory = directory_.path(), .path = std::move(path)} {}

  std::unique_ptr<store> open() override {
    return std::make_unique<sqlite_store>(options_, sqlite_environment{.clock = [this] { return wall_time(now_.load()); }});
  }
  void move_clock(std::chrono::milliseconds span) override { now_ = now_.load() + span; }

 private:
  temporary_directory directory_;
  sqlite_options options_;
  std::atomic<std::chrono::microseconds> now_{std::chrono::days(20'000)};
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(sqlite, store_conformance, ::testing::Values([]() -> std::unique_ptr<test_database> {
                           return std::make_unique<sqlite_database>("parts.db");
                         }));

}  // namespace mamey::testing
