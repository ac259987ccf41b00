#include <atomic>

#include <mamey/persistence/sqlite/store.hpp>

#include "../support/temporary_directory.hpp"
#include "mapping_conformance.hpp"

namespace mamey::testing {
namespace {

class sqlite_database final : public test_database {
 public:
  explicit sqlite_database(std::string path) : options_{.directory = directory_.path(), .path = std::move(path)} {}

  std::unique_ptr<store> open() override {
    return std::make_unique<sqlite_store>(options_, sqlite_environment{.clock = [this] { return wall_time(now_.load()); }});
  }
  void move_clock(std::chrono::milliseconds span) override { now_ = now_.load() + span; }
  std::string type_for(column_content content) const override {
    switch (content) {
      case column_content::boolean:
      case column_content::integer: return "INTEGER";
      case column_content::real: return "REAL";
      case column_content::bytes: return "BLOB";
      case column_content::time: return "DATETIME";
      default: return "TEXT";
    }
  }

 private:
  temporary_directory directory_;
  sqlite_options options_;
  std::atomic<std::chrono::microseconds> now_{std::chrono::days(20'000)};
};

}  // namespace

static std::unique_ptr<test_database> make_sqlite() { return std::make_unique<sqlite_database>("parts.db"); }
INSTANTIATE_TEST_SUITE_P(sqlite, store_conformance, ::testing::Values(make_sqlite));
INSTANTIATE_TEST_SUITE_P(sqlite, mapping_conformance, ::testing::Values(make_sqlite));

}  // namespace mamey::testing
