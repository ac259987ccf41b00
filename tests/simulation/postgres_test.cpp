#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>

#include <mamey/persistence/postgres/store.hpp>
#include <tests/support/postgres_server.hpp>

#include "broker_model.hpp"
#include "consumer_process.hpp"
#include "relay_process.hpp"
#include "world.hpp"

namespace mamey::simulation {
namespace {

constexpr std::uint64_t schedules = 50;  // of each of the four profiles

/// Losing power is not simulated, so nothing has to reach the disk.
testing::postgres_server& server() {
  static testing::postgres_server one({"-c", "fsync=off", "-c", "full_page_writes=off"});
  return one;
}

class plain_session {
 public:
  plain_session() : session_(PQconnectdb(server().administrator().c_str()), &PQfinish) {}
  std::string run(const std::string& sql) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(session_.get(), sql.c_str()), &PQclear);
    const auto status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) throw std::runtime_error(PQerrorMessage(session_.get()));
    return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
  }

 private:
  std::unique_ptr<PGconn, decltype(&PQfinish)> session_;
};

/// The schema and its store outlive a world: only the rows go. The database's clock is a row that the world sets.
class database {
 public:
  explicit database(std::string schema) : schema_(std::move(schema)), opened_(options(schema_)) {
    opened_.prepare({});
    admin_.run("set search_path = " + schema_);
    admin_.run(
        "create unlogged table clock (now_ms bigint not null); insert into clock values (0); create unlogged table effects (handler text, "
        "message_id text)");
    admin_.run("create or replace function mamey_now_ms() returns bigint language sql volatile as $$ select now_ms from " + schema_ +
               ".clock $$");
  }

  void empty() {
    admin_.run(
        "truncate mamey_outbox, mamey_outbox_archive, mamey_slots, mamey_inbox, mamey_handling_starts, mamey_delayed, mamey_errors, "
        "effects");
    shown_.reset();
  }
  postgres_store& at(std::chrono::nanoseconds now) {
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(now).count();
    if (shown_ != ms) admin_.run("update clock set now_ms = " + std::to_string(ms));
    shown_ = ms;
    return opened_;
  }
  plain_session& admin() { return admin_; }

 private:
  static postgres_options options(const std::string& schema) {
    return {.connection_string = server().connection_string(),
            .schema = schema,
            .read_connections = 1,
            .flush_connections = 1,
            .interactive_connections = 1,
            .relay_connections = 1};
  }
  const std::string schema_;
  postgres_store opened_;
  plain_session admin_;
  std::optional<std::int64_t> shown_;
};

class on_postgres final : public simulated_store {
 public:
  on_postgres(database& at, simulated_clock clock) : at_(at), clock_(std::move(clock)) { at_.empty(); }

  store& db() override { return at_.at(clock_()); }
  commit_outcome commit(const change_set& changes) override {
    auto written = changes;
    for (auto& each : written.statements) {
      each.parameters.insert(each.parameters.begin(), sql_value(each.text));
      each.text = "insert into effects (handler, message_id) values (?, ?)";
    }
    const auto outcome = db().commit(written);
    if (outcome == commit_outcome::committed) {
      for (const auto& each : changes.statements) apply(each);
    }
    return outcome;
  }
  std::vector<row> outbox() override {
    std::vector<row> all;
    db().sql()->query(
        {.text = "select message_id, state, coalesce(last_error, '') from mamey_outbox order by seq"}, [&](const sql_row& each) {
          all.push_back(
              {std::get<std::string>(each.values[0]), each.values[1] == sql_value(std::int64_t{1}), std::get<std::string>(each.values[2])});
        });
    return all;
  }
  bool has_pending() override { return db().read_outbox_state().pending > 0; }
  bool holds(std::int64_t sequence, const std::string& token) override {
    return at_.admin().run("select 1 from mamey_outbox where seq = " + std::to_string(sequence) + " and token = '" + token + "'") == "1";
  }
  std::size_t delayed_count() override { return std::stoul(at_.admin().run("select count(*) from mamey_delayed")); }
  std::vector<error_record> errors() override { return db().list_errors(0, 10'000); }

 private:
  database& at_;
  const simulated_clock clock_;
};

std::unique_ptr<simulated_store> make_postgres_store(int number, simulated_clock clock) {
  static database first("outbox_side"), second("inbox_side");
  return std::make_unique<on_postgres>(number == 0 ? first : second, std::move(clock));
}

void expect_promises_hold(const profile& with) {
  coverage met;
  if (const char* const seed = std::getenv("MAMEY_SIM_SEED")) {
    EXPECT_EQ(world(std::strtoull(seed, nullptr, 10), with, met, make_postgres_store).run(), "") << "seed " << seed;
    return;
  }
  for (std::uint64_t seed = 1; seed <= schedules; ++seed) {
    ASSERT_EQ(world(seed, with, met, make_postgres_store).run(), "") << "replay with MAMEY_SIM_SEED=" << seed;
  }
  std::cout << "[ schedules] " << schedules << "\n";
}

}  // namespace

TEST(simulation_on_postgres, messages_of_any_order_arrive_and_take_effect_once) {
  expect_promises_hold({.ordered = false, .counts_starts = false});
}
TEST(simulation_on_postgres, a_transport_that_counts_starts_keeps_the_same_promises) {
  expect_promises_hold({.ordered = false, .counts_starts = true});
}
TEST(simulation_on_postgres, messages_of_a_key_take_effect_in_their_order) {
  expect_promises_hold({.ordered = true, .counts_starts = false});
}
TEST(simulation_on_postgres, order_holds_where_what_fails_waits_in_the_store) {
  expect_promises_hold({.ordered = true, .keys_held_in_store = true, .counts_starts = false});
}
TEST(simulation_on_postgres, order_holds_on_a_transport_that_counts_starts) {
  expect_promises_hold({.ordered = true, .counts_starts = true});
}

}  // namespace mamey::simulation
