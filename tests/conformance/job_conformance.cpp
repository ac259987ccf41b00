// What a store keeps of recurring jobs, and how delayed messages are found and taken back.
#include <future>
#include <thread>

#include "store_conformance.hpp"
#include "store_examples.hpp"

namespace mamey::testing {

using namespace std::chrono_literals;

namespace {

job_row nightly() {
  return {.name = "nightly",
          .schedule = "cron 0 2 * * * in Europe/Berlin",
          .next = wall_time(std::chrono::seconds(1'700'000'000)),
          .last = {},
          .runs = 3,
          .missed = 1};
}

delayed_message waiting(std::string id, std::string key, std::chrono::milliseconds delay) {
  delayed_message row{
      .id = std::move(id), .subscription = "remind", .message = {}, .delay = delay, .first_failed_at = {}, .last_error = {}};
  row.message = message("m-" + row.id, std::move(key));
  return row;
}

}  // namespace

TEST_P(store_conformance, a_job_is_kept_with_all_that_is_known_of_it) {
  EXPECT_TRUE(db().list_jobs().rows.empty());
  db().commit({.jobs = {nightly(), {.name = "a", .schedule = "every 00:01:00", .enabled = false, .next = {}, .last = wall_time(5ms)}}});
  reopen();
  const auto found = db().list_jobs().rows;
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].name, "a");
  EXPECT_FALSE(found[0].enabled);
  EXPECT_EQ(found[0].last, wall_time(5ms));
  EXPECT_EQ(found[1].name, "nightly");
  EXPECT_EQ(found[1].schedule, nightly().schedule);
  EXPECT_EQ(found[1].next, nightly().next);
  EXPECT_EQ(found[1].last, std::nullopt);
  EXPECT_TRUE(found[1].enabled);
  EXPECT_EQ(found[1].runs, 3);
  EXPECT_EQ(found[1].missed, 1);
  EXPECT_EQ(found[1].version, 1);
}

TEST_P(store_conformance, a_job_is_advanced_by_one_of_those_who_saw_it_with_the_message_in_the_same_commit) {
  db().commit({.jobs = {nightly()}});
  EXPECT_EQ(refusal_kind([&] { db().commit({.jobs = {nightly()}}); }), error_kind::concurrency_conflict) << "it is there already";
  auto seen = db().list_jobs().rows.at(0);
  seen.next += 24h;
  db().commit({.outbox = {message("first")}, .jobs = {seen}});
  EXPECT_EQ(refusal_kind([&] { db().commit({.outbox = {message("second")}, .jobs = {seen}}); }), error_kind::concurrency_conflict);
  EXPECT_EQ(ids(db().claim_outbox({})), (std::vector<std::string>{"first"}));
  EXPECT_EQ(db().list_jobs().rows.at(0).next, nightly().next + 24h);
  EXPECT_EQ(db().list_jobs().rows.at(0).version, 2);
}

TEST_P(store_conformance, of_many_who_advance_a_job_at_the_same_time_one_succeeds) {
  db().commit({.jobs = {nightly()}});
  for (int round = 1; round <= 20; ++round) {
    const auto seen = db().list_jobs().rows.at(0);
    std::vector<std::future<bool>> all;
    for (int i = 0; i < 4; ++i) {
      all.push_back(std::async(std::launch::async, [&, i] {
        try {
          db().commit({.outbox = {message(std::to_string(round) + "/" + std::to_string(i))}, .jobs = {seen}});
          return true;
        } catch (const concurrency_conflict&) {
          return false;
        }
      }));
    }
    int succeeded = 0;
    for (auto& each : all) succeeded += each.get() ? 1 : 0;
    EXPECT_EQ(succeeded, 1);
    EXPECT_EQ(db().read_outbox_state().pending, round);
  }
}

TEST_P(store_conformance, jobs_are_told_the_time_of_the_store) {
  const auto before = db().list_jobs().now;
  move_clock(90s);
  EXPECT_EQ(db().list_jobs().now - before, 90s);
  db().commit({.jobs = {nightly()}});
  EXPECT_EQ(db().list_jobs().now - before, 90s);
}

TEST_P(store_conformance, delayed_messages_are_found_by_type_key_and_tenant_the_earliest_first) {
  auto other = waiting("other", "k1", 5s), foreign = waiting("foreign", "k1", 5s);
  other.message.type = "Other";
  foreign.message.tenant = "t1";
  db().commit({.delayed = {waiting("late", "k1", 20s), waiting("early", "k1", 10s), waiting("elsewhere", "k2", 1s), other, foreign}});
  const auto found = [&](const delayed_filter& filter, std::int64_t offset = 0, std::int64_t limit = 100) {
    std::vector<std::string> all;
    for (const auto& each : db().list_delayed(filter, offset, limit)) all.push_back(each.row.id);
    return all;
  };
  const delayed_filter of_key{.type = "PartCounted", .key = "k1", .tenant = ""};
  EXPECT_EQ(found(of_key), (std::vector<std::string>{"early", "late"}));
  EXPECT_EQ(db().count_delayed(of_key), 2);
  EXPECT_EQ(found(of_key, 1, 1), (std::vector<std::string>{"late"}));
  EXPECT_EQ(found({.id = "foreign"}), (std::vector<std::string>{"foreign"}));
  EXPECT_EQ(db().count_delayed({}), 5);
  EXPECT_EQ(db().count_delayed({.key = "nobody's"}), 0);
  const auto early = db().list_delayed({.id = "early"}, 0, 1).at(0);
  EXPECT_EQ(early.due - db().list_jobs().now, 10s);
  EXPECT_FALSE(early.running);
  EXPECT_EQ(early.row.message.body, message("any").body);
  EXPECT_EQ(early.row.starts, 0);
}

TEST_P(store_conformance, a_delayed_message_is_taken_back_unless_it_is_being_handled) {
  db().commit({.delayed = {waiting("d1", "k1", 10s), waiting("d2", "k1", 0s)}});
  db().commit({.outbox = {message("instead")}, .cancelled_delayed = {"d1"}});
  EXPECT_EQ(db().count_delayed({}), 1);
  ASSERT_EQ(claim_due().size(), 1U);
  EXPECT_TRUE(db().list_delayed({.id = "d2"}, 0, 1).at(0).running);
  const auto [kind, code] = refusal([&] { db().commit({.outbox = {message("not sent")}, .cancelled_delayed = {"d2"}}); });
  EXPECT_EQ(kind, error_kind::concurrency_conflict);
  EXPECT_EQ(code, "delayed_message_taken");
  EXPECT_EQ(refusal_kind([&] { db().commit({.cancelled_delayed = {"gone"}}); }), error_kind::concurrency_conflict);
  EXPECT_EQ(db().read_outbox_state().pending, 1);
  EXPECT_EQ(db().count_delayed({}), 1);
}

}  // namespace mamey::testing
