#include <mamey/messaging/sql_transport.hpp>
#include <mamey/persistence/postgres/queues.hpp>

#include "../support/postgres_server.hpp"
#include "transport_conformance.hpp"

namespace mamey::testing {
namespace {

/// A transport with sessions of its own, as a process has them.
struct opened_queues {
  opened_queues(const postgres_options& options, event_loop& loop) : queues(options), through(queues, loop) {}
  postgres_queues queues;
  sql_transport through;
};

class sql_bench final : public transport_bench {
 public:
  explicit sql_bench(mamey::runtime& on) : on_(on) {}
  ~sql_bench() override { server_.execute("set client_min_messages = error; drop schema if exists " + schema_ + " cascade"); }
  std::shared_ptr<transport> open() override {
    auto opened = std::make_shared<opened_queues>(
        postgres_options{.connection_string = server_.connection_string(), .queue_schema = schema_}, on_.system_loop());
    return {opened, &opened->through};
  }

 private:
  mamey::runtime& on_;
  postgres_server& server_ = postgres_server::shared();
  const std::string schema_ = postgres_server::fresh_name();
};

const transport_subject sql{
    .name = "sql on PostgreSQL", .expected = expected_of_sql, .make = [](mamey::runtime& on) { return std::make_unique<sql_bench>(on); }};

INSTANTIATE_TEST_SUITE_P(sql_on_postgres, transport_conformance, all_cases_of(sql), case_name);

}  // namespace
}  // namespace mamey::testing
