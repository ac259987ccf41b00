#include <mamey/messaging/sql_transport.hpp>
#include <mamey/persistence/sqlite/queues.hpp>

#include "../support/temporary_directory.hpp"
#include "transport_conformance.hpp"

namespace mamey::testing {
namespace {

/// A transport with queues of its own, as a process has them.
struct opened_queues {
  opened_queues(const sqlite_options& options, event_loop& loop) : queues(options), through(queues, loop) {}
  sqlite_queues queues;
  sql_transport through;
};

class sql_bench final : public transport_bench {
 public:
  explicit sql_bench(mamey::runtime& on) : on_(on) {}
  std::shared_ptr<transport> open() override {
    auto opened = std::make_shared<opened_queues>(sqlite_options{.directory = directory_.path(), .path = "queues.db"}, on_.system_loop());
    return {opened, &opened->through};
  }

 private:
  mamey::runtime& on_;
  temporary_directory directory_;
};

const transport_subject sql{
    .name = "sql on SQLite", .expected = expected_of_sql, .make = [](mamey::runtime& on) { return std::make_unique<sql_bench>(on); }};

INSTANTIATE_TEST_SUITE_P(sql, transport_conformance, all_cases_of(sql), case_name);

}  // namespace
}  // namespace mamey::testing
