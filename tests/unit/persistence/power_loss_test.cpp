#include <cstdlib>
#include <mutex>
#include <random>
#include <set>

#include "../../support/unreliable_disk.hpp"
#include "sqlite_fixture.hpp"

namespace mamey::testing {
namespace {

struct round_result {
  std::set<std::string> acknowledged, stored;
  bool intact = false;
};

/// One machine's life: several clients commit until the power goes; then the machine starts again.
class power_cycle {
 public:
  power_cycle(std::uint64_t seed, const std::string& synchronous)
      : random_(seed), disk_("power_" + std::to_string(seed), seed), options_{.directory = folder_.path(), .path = "parts.db"} {
    options_.synchronous = synchronous;
    options_.vfs = "power_" + std::to_string(seed);
    options_.group_members = 1 + static_cast<int>(random_() % 4);
  }

  round_result run() {
    round_result result;
    serve([&](sqlite_store& db) {
      disk_.cut_power_after(20 + static_cast<int>(random_() % 400));
      std::vector<std::jthread> clients;
      for (int client = 0; client < 4; ++client) clients.emplace_back([&, client] { commit_until_dark(db, client, result); });
    });
    disk_.restore_power();
    serve([&](sqlite_store& db) {
      db.query({.text = "pragma integrity_check"},
               [&](const sql_row& row) { result.intact = row.values[0] == sql_value(std::string("ok")); });
      for (const auto& each : db.find(parts(), {.where = {}, .limit = 1'000'000})) result.stored.insert(each.id);
      check_units_are_whole(db, result);
    });
    return result;
  }

 private:
  template <class Body>
  void serve(Body body) {
    sqlite_store db(options_, {.durable = sqlite_environment::durability::may_be_lost});
    const collection* const all[] = {&parts(), &part_views()};
    db.prepare(all);
    body(db);
  }

  void commit_until_dark(sqlite_store& db, int client, round_result& result) {
    for (int i = 0;; ++i) {
      const auto id = std::to_string(client) + "-" + std::to_string(i);
      try {
        db.commit({.inbox = inbox_key{"count", id}, .documents = {insert_part(id, {.sku = id})}, .outbox = {message(id)}});
      } catch (const error&) {
        return;
      }
      const std::scoped_lock lock(mutex_);
      result.acknowledged.insert(id);
      // Marks of the relay run in between, unsynced.
      if (i % 7 == 0 && disk_.is_on()) relay(db);
    }
  }

  static void relay(sqlite_store& db) {
    try {
      const auto claimed = db.claim_outbox({.most_rows = 3});
      db.release_outbox(claimed.token, sequences(claimed));
    } catch (const error&) {}
  }

  static void check_units_are_whole(sqlite_store& db, round_result& result) {
    std::set<std::string> sent;
    db.query({.text = "select message_id from mamey_outbox"},
             [&](const sql_row& row) { sent.insert(std::get<std::string>(row.values[0])); });
    EXPECT_EQ(sent, result.stored) << "a document without its message, or the reverse";
    for (const auto& id : result.stored) EXPECT_TRUE(db.was_handled({"count", id}));
  }

  std::mt19937_64 random_;
  temporary_directory folder_;
  unreliable_disk disk_;
  sqlite_options options_;
  std::mutex mutex_;
};

int lost(const round_result& result) {
  int count = 0;
  for (const auto& id : result.acknowledged) count += result.stored.contains(id) ? 0 : 1;
  return count;
}

TEST(power_loss, what_was_acknowledged_is_there_after_the_power_went) {
  std::size_t acknowledged = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const auto result = power_cycle(seed, "full").run();
    acknowledged += result.acknowledged.size();
    ASSERT_TRUE(result.intact) << "seed " << seed;
    ASSERT_EQ(lost(result), 0) << "seed " << seed;
  }
  EXPECT_GT(acknowledged, 500U) << "the power went before anything happened";
}

TEST(power_loss, the_test_finds_what_a_lesser_synchronous_loses) {
  int lost_commits = 0;
  for (std::uint64_t seed = 1; seed <= 60 && lost_commits == 0; ++seed) {
    try {
      lost_commits += lost(power_cycle(seed, "off").run());
    } catch (const error&) {
      return;  // the file did not even open again
    }
  }
  EXPECT_GT(lost_commits, 0);
}

}  // namespace
}  // namespace mamey::testing
