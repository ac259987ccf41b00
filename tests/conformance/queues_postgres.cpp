#include <signal.h>

#include <atomic>
#include <thread>

#include <mamey/core/error.hpp>
#include <mamey/persistence/postgres/queues.hpp>

#include "../support/postgres_server.hpp"
#include "queue_conformance.hpp"
#include "store_examples.hpp"

namespace mamey::testing {
namespace {

/// A schema of the executable's own server. The clock is the database's, asked through one function: the test puts another in its place.
class schema_of_queues final : public test_queues {
 public:
  ~schema_of_queues() override { server_.execute("set client_min_messages = error; drop schema if exists " + schema_ + " cascade"); }

  std::unique_ptr<durable_queues> open() override {
    return std::make_unique<postgres_queues>(postgres_options{.connection_string = server_.connection_string(), .queue_schema = schema_});
  }
  void move_clock(std::chrono::milliseconds span) override {
    offset_ += span;
    server_.execute("create or replace function " + schema_ +
                    ".mamey_now_ms() returns bigint language sql volatile as $$ select floor(extract(epoch from clock_timestamp()) * "
                    "1000)::bigint + (" +
                    std::to_string(offset_.count()) + ") $$");
  }

 private:
  postgres_server& server_ = postgres_server::shared();
  const std::string schema_ = postgres_server::fresh_name();
  std::chrono::milliseconds offset_{};
};

INSTANTIATE_TEST_SUITE_P(postgres, queue_conformance,
                         ::testing::Values([]() -> std::unique_ptr<test_queues> { return std::make_unique<schema_of_queues>(); }));

TEST(postgres_queues_test, processes_that_start_together_agree_on_the_tables) {
  schema_of_queues schema;
  std::atomic<int> opened = 0;
  {
    std::vector<std::jthread> openers;
    for (int i = 0; i < 4; ++i) {
      openers.emplace_back([&] {
        schema.open()->bind("count", "parts", "part_counted");
        ++opened;
      });
    }
  }
  EXPECT_EQ(opened, 4);
}

TEST(postgres_queues_test, a_role_that_may_not_make_them_is_refused_with_what_to_do) {
  auto& server = postgres_server::shared();
  const auto role = postgres_server::fresh_name(), schema = postgres_server::fresh_name();
  server.execute("create role " + role + " login");
  try {
    postgres_queues queues({.connection_string = server.connection_string() + ";Username=" + role, .queue_schema = schema});
    FAIL() << "made";
  } catch (const error& refused) {
    for (const auto* part : {"42501", schema.c_str(), "postgres:queueSchema", "messaging:transport"})
      EXPECT_NE(refused.reason().find(part), std::string::npos) << refused.reason();
  }
  server.execute("drop role " + role);
}

TEST(postgres_queues_test, a_server_that_crashed_comes_back_with_what_was_published) {
  postgres_server server;
  const postgres_options options{.connection_string = server.connection_string()};
  postgres_queues queues(options);
  queues.bind("count", "parts", "part_counted");
  queues.publish(publications({message("m1")}));
  server.stop(SIGQUIT);
  EXPECT_THROW(queues.publish(publications({message("m2")})), unavailable);
  server.start();
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  durable_queues::taken taken;
  while (taken.messages.empty() && std::chrono::steady_clock::now() < give_up) {
    try {
      taken = queues.take("count", 10, std::chrono::seconds(30), false);
    } catch (const unavailable&) {  // it is still starting
    }
  }
  EXPECT_EQ(ids(taken), std::vector<std::string>{"m1"});
}

}  // namespace
}  // namespace mamey::testing
