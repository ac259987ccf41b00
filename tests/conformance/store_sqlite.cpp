#include <atomic>

#include <mamey/persistence/sqlite/detail/collections.hpp>
#include <mamey/persistence/sqlite/store.hpp>

#include "../support/temporary_directory.hpp"
#include "condition_conformance.hpp"
#include "mapping_conformance.hpp"
#include "sql_conformance.hpp"

namespace mamey::testing {
namespace {

class sqlite_database final : public test_database {
 public:
  explicit sqlite_database(std::string path, bool cuts_times = false)
      : options_{.directory = directory_.path(), .path = std::move(path)}, cuts_times_(cuts_times) {}

  std::unique_ptr<store> open() override {
    return std::make_unique<sqlite_store>(
        options_, sqlite_environment{.clock = [this] { return wall_time(now_.load()); }, .cuts_times = cuts_times_});
  }
  void move_clock(std::chrono::milliseconds span) override { now_ = now_.load() + span; }
  std::string type_for(column_content content) const override {
    switch (content) {
      case column_content::boolean:
      case column_content::integer:
        return "INTEGER";
      case column_content::real:
        return "REAL";
      case column_content::bytes:
        return "BLOB";
      case column_content::time:
        return "DATETIME";
      default:
        return "TEXT";
    }
  }

  std::optional<planner> planning() const override {
    return planner{.dialect = sqlite_detail::dialect(cuts_times_), .explain = "explain query plan "};
  }

 private:
  temporary_directory directory_;
  sqlite_options options_;
  bool cuts_times_;
  std::atomic<std::chrono::microseconds> now_{std::chrono::days(20'000)};
};

}  // namespace

/// As the test harness has it: in memory, with times as PostgreSQL holds them.
static std::unique_ptr<test_database> make_as_the_harness() { return std::make_unique<sqlite_database>(":memory:", true); }
static std::unique_ptr<test_database> make_sqlite() { return std::make_unique<sqlite_database>("parts.db"); }
INSTANTIATE_TEST_SUITE_P(sqlite, store_conformance, ::testing::Values(make_sqlite));
INSTANTIATE_TEST_SUITE_P(sqlite, mapping_conformance, ::testing::Values(make_sqlite));
INSTANTIATE_TEST_SUITE_P(sqlite, value_conformance, ::testing::Values(make_sqlite, make_as_the_harness));
INSTANTIATE_TEST_SUITE_P(sqlite, condition_conformance, ::testing::Values(make_sqlite, make_as_the_harness));
INSTANTIATE_TEST_SUITE_P(sqlite, mapped_condition_conformance, ::testing::Values(make_sqlite, make_as_the_harness));
INSTANTIATE_TEST_SUITE_P(sqlite, sql_conformance, ::testing::Values(make_sqlite, make_as_the_harness));

}  // namespace mamey::testing
