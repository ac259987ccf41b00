#include <poll.h>
#include <signal.h>

#include <atomic>
#include <mutex>
#include <set>

#include <mamey/core/error.hpp>

#include "postgres_fixture.hpp"

namespace mamey::testing {

using namespace std::chrono_literals;

void look_again_soon() { ::poll(nullptr, 0, 5); }
/// Waits for a condition, on a machine that may be busy.
template <class Condition>
bool eventually(Condition holds) {
  for (const auto give_up = std::chrono::steady_clock::now() + 3min; std::chrono::steady_clock::now() < give_up; look_again_soon()) {
    if (holds()) return true;
  }
  return false;
}

/// Two servers that follow each other, and a store that knows both.
class postgres_failover : public ::testing::Test {
 protected:
  postgres_failover() {
    options_.connection_string = "Host=127.0.0.1:" + std::to_string(first_.port()) + ",127.0.0.1:" + std::to_string(second_.port()) +
                                 ";Database=postgres;Username=mamey;SSL Mode=Disable";
    options_.schema = "failover";
    options_.lock_timeout = 1min;
    store_ = std::make_unique<postgres_store>(options_, postgres_environment{});
    const collection* const all[] = {&parts()};
    store_->prepare(all);
    for (int number = 0; number < 4; ++number) writers_.emplace_back([this, number](const std::stop_token& stop) { write(number, stop); });
  }

  void write(int number, const std::stop_token& stop) {
    for (int count = 0; !stop.stop_requested(); ++count) {
      const auto id = std::to_string(number) + "-" + std::to_string(count);
      try {
        store_->commit({.documents = {insert_part(id, {.sku = id})}});
        const std::lock_guard lock(guard_);
        acknowledged_.insert(id);
      } catch (const error& failure) {
        if (failure.kind() != error_kind::unavailable && failure.kind() != error_kind::commit_unknown)
          ADD_FAILURE() << failure.code() << " " << failure.reason();
        look_again_soon();
      }
    }
  }

  std::size_t acknowledged() {
    const std::lock_guard lock(guard_);
    return acknowledged_.size();
  }
  /// As many more commits as make it sure that every connection was met.
  void wait_for_more_commits() {
    const auto wanted = acknowledged() + 200;
    ASSERT_TRUE(eventually([&] { return acknowledged() >= wanted; })) << "the service takes no writes any more";
  }
  /// Readiness as an operator sees it.
  std::string check() {
    try {
      store_->check();
      return "healthy";
    } catch (const error& failure) {
      return failure.code();
    }
  }
  void wait_until_check_says(const std::string& wanted) {
    ASSERT_TRUE(eventually([&] { return check() == wanted; })) << check();
  }
  /// Stops the writers: everything that was acknowledged is on `primary`.
  void expect_all_on(const postgres_server& primary) {
    for (auto& each : writers_) each.request_stop();
    writers_.clear();
    std::set<std::string> there;
    for (const auto& row : primary.execute("select id from failover.parts")) there.insert(row.at(0));
    std::size_t lost = 0;
    for (const auto& id : acknowledged_) lost += there.contains(id) ? 0 : 1;
    EXPECT_EQ(lost, 0U) << "of " << acknowledged_.size();
  }

  postgres_server first_;
  postgres_server second_{postgres_server::standby_of{first_}};
  postgres_options options_;
  std::unique_ptr<postgres_store> store_;
  std::mutex guard_;
  std::set<std::string> acknowledged_;
  std::vector<std::jthread> writers_;
};

TEST_F(postgres_failover, a_pair_that_changes_its_roles_twice_under_load_loses_no_acknowledged_write_and_needs_no_restart) {
  wait_for_more_commits();
  first_.stop(SIGINT);
  second_.promote();
  wait_for_more_commits();
  first_.start_as_standby_of(second_);
  wait_for_more_commits();

  second_.stop(SIGINT);
  EXPECT_NE(check(), "healthy") << "the one that is left is a standby";
  first_.promote();
  wait_for_more_commits();
  wait_until_check_says("healthy");
  expect_all_on(first_);
}

TEST_F(postgres_failover, sessions_of_a_server_that_became_read_only_are_given_up_for_the_one_that_takes_writes) {
  wait_for_more_commits();
  first_.execute("alter system set default_transaction_read_only = on");
  first_.execute("select pg_reload_conf()");
  wait_until_check_says("database_unreachable");  // no server takes writes: not ready
  second_.promote();                              // what was acknowledged by then has been replicated to it: the writers wait
  wait_for_more_commits();
  wait_until_check_says("healthy");
  EXPECT_EQ(second_
                .execute("select count(*) > 0 from pg_stat_activity where query like '%parts%' and backend_type = 'client backend' and pid "
                         "<> pg_backend_pid()")
                .at(0)
                .at(0),
            "t");
  expect_all_on(second_);
}

/// A server alone that is read only for a while.
TEST(postgres_read_only, a_single_server_that_is_read_only_for_a_while_is_not_ready_and_is_used_again_without_a_restart) {
  postgres_server server;
  postgres_store store({.connection_string = server.connection_string(), .schema = "alone", .lock_timeout = 1min}, {});
  const collection* const all[] = {&parts()};
  store.prepare(all);
  const auto insert = [&](const std::string& id) { store.commit({.documents = {insert_part(id, {.sku = id})}}); };
  insert("before");
  server.execute("alter system set default_transaction_read_only = on");
  server.execute("select pg_reload_conf()");
  const auto refused = [&] {
    try {
      store.check();
      return std::string();
    } catch (const error& failure) {
      return failure.code();
    }
  };
  ASSERT_TRUE(eventually([&] { return refused() == "database_read_only"; })) << refused();
  EXPECT_EQ(refusal_kind([&] { insert("meanwhile"); }), error_kind::unavailable);
  EXPECT_TRUE(store.load(parts(), "before")) << "reads go on";
  server.execute("alter system reset default_transaction_read_only");
  server.execute("select pg_reload_conf()");
  ASSERT_TRUE(eventually([&] { return refused().empty(); })) << refused();
  // Another session may hear of it a little later; the write that meets it retires that session.
  const auto inserted = [&] {
    try {
      insert("after");
      return true;
    } catch (const unavailable&) {
      return false;
    }
  };
  ASSERT_TRUE(eventually(inserted));
  EXPECT_TRUE(store.load(parts(), "after"));
}

}  // namespace mamey::testing
