// What a store keeps of messages that are handled: inbox, starts, delayed messages, errors.
#include <future>
#include <thread>

#include "store_conformance.hpp"
#include "store_examples.hpp"

namespace mamey::testing {

using namespace std::chrono_literals;
using strings = std::vector<std::string>;

TEST_P(store_conformance, starts_are_counted_before_the_work_and_survive) {
  const inbox_key key{"count", "m1"};
  EXPECT_EQ(inbox().count_start(key, 0), 1);
  reopen();
  EXPECT_EQ(inbox().count_start(key, 1), 2) << "nothing is presumed where something was counted";
  EXPECT_EQ(inbox().count_start({"audit", "m1"}, 1), 2) << "the first one here, one before it";
  inbox().take_back_start(key);
  EXPECT_EQ(inbox().count_start(key, 0), 2) << "one start was taken back, not those of others";
  for (int i = 0; i < 3; ++i) inbox().take_back_start(key);
  EXPECT_EQ(inbox().count_start(key, 0), 1) << "there are never fewer than none";
  inbox().count_start(key, 0);
  inbox().forget_starts(key);
  inbox().forget_starts({"count", "never started"});
  EXPECT_EQ(inbox().count_start(key, 1), 1) << "they came to an outcome";
  EXPECT_EQ(inbox().count_start({"audit", "m1"}, 1), 3);
}

TEST_P(store_conformance, messages_of_two_tenants_may_have_one_id) {
  const inbox_key none{"count", "m1"}, first{"count", "m1", "t1"}, second{"count", "m1", "t2"};
  EXPECT_EQ(units().commit({.inbox = first}), commit_outcome::committed);
  EXPECT_TRUE(inbox().was_handled(first));
  EXPECT_FALSE(inbox().was_handled(second));
  EXPECT_FALSE(inbox().was_handled(none));
  EXPECT_EQ(units().commit({.inbox = first}), commit_outcome::already_handled);
  EXPECT_EQ(units().commit({.inbox = second}), commit_outcome::committed);
  EXPECT_EQ(units().commit({.inbox = none}), commit_outcome::committed);
  for (const auto& each : {none, first, second}) {
    EXPECT_EQ(units().commit({.inbox = each}), commit_outcome::already_handled) << each.tenant;
    EXPECT_FALSE(documents().sql()->begin(each, 10s)) << each.tenant;
  }
  auto unit = documents().sql()->begin(inbox_key{"count", "m1", "t3"}, 10s);
  ASSERT_TRUE(unit);
  unit->commit({});
  EXPECT_FALSE(documents().sql()->begin(inbox_key{"count", "m1", "t3"}, 10s));
  EXPECT_EQ(inbox().count_start(first, 0), 1);
  EXPECT_EQ(inbox().count_start(first, 0), 2);
  EXPECT_EQ(inbox().count_start(second, 0), 1);
  inbox().take_back_start(first);
  EXPECT_EQ(inbox().count_start(second, 0), 2);
  auto failed = message("m1");
  failed.tenant = "t1";
  units().commit({.errors = {{.id = "e1", .key = first, .message = failed}}});
  EXPECT_EQ(errors().load_error("e1")->key.tenant, "t1");
}

TEST_P(store_conformance, a_message_has_one_open_unit_at_a_time_and_who_comes_second_is_busy_or_waits) {
  const inbox_key key{"count", "m1"};
  enum class met { unit, handled_already, gave_up };
  const auto until_it_is_free = [&] {
    while (true) {
      try {
        const auto unit = documents().sql()->begin(key, 30s);
        if (!unit) return met::handled_already;
        unit->rollback();
        return met::unit;
      } catch (const message_busy& busy) {
        EXPECT_EQ(busy.kind(), error_kind::unavailable);
        std::this_thread::yield();
      } catch (const error& other) {
        ADD_FAILURE() << other.code() << ": " << other.reason();
        return met::gave_up;
      }
    }
  };
  for (const bool commits : {false, true}) {
    auto first = documents().sql()->begin(key, 30s);
    ASSERT_TRUE(first);
    std::promise<void> here;
    auto second = std::async(std::launch::async, [&] {
      here.set_value();
      return until_it_is_free();
    });
    here.get_future().wait();
    if (commits)
      first->commit({});
    else
      first->rollback();
    first.reset();
    EXPECT_EQ(second.get(), commits ? met::handled_already : met::unit);
  }
}

TEST_P(store_conformance, a_delayed_message_comes_when_it_is_due_under_a_lease) {
  delayed_message row{.id = "d1",
                      .subscription = "count",
                      .message = message("m1"),
                      .rounds = 2,
                      .delay = 10s,
                      .first_failed_at = wall_time(5us),
                      .waits_since = wall_time(6us),
                      .last_error = "no luck"};
  row.message.headers = {{"a", "1"}};
  units().commit({.delayed = {row}});
  EXPECT_TRUE(claim_due().empty());
  move_clock(10s);
  const auto due = claim_due();
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].starts, 1) << "counted before the work";
  EXPECT_EQ(due[0].rounds, 2) << "of which nothing is known yet";
  EXPECT_EQ(due[0].message.headers.at("a"), "1");
  EXPECT_EQ(due[0].subscription, "count");
  EXPECT_EQ(due[0].last_error, "no luck");
  EXPECT_EQ(due[0].first_failed_at, wall_time(5us));
  EXPECT_EQ(due[0].waits_since, wall_time(6us));
  EXPECT_TRUE(claim_due().empty());
  move_clock(31s);
  const auto again = claim_due();
  ASSERT_EQ(again.size(), 1U) << "the lease ran out";
  EXPECT_EQ(again[0].starts, 2);
  EXPECT_EQ(again[0].rounds, 2);
  units().commit({.finished_delayed = {"d1"}});
  move_clock(31s);
  EXPECT_TRUE(claim_due().empty());
}

TEST_P(store_conformance, delayed_messages_come_oldest_first_and_are_replaced_by_id) {
  units().commit({.delayed = {{.id = "d1", .delay = 9s}, {.id = "d2", .delay = 5s}, {.id = "d3", .delay = 60s}}});
  units().commit({.delayed = {{.id = "d3", .starts = 3, .delay = 1s}}});
  move_clock(20s);
  const auto due = delayed().claim_due({.token = "first", .most = 2, .lease = 30s, .except = {}});
  ASSERT_EQ(due.size(), 2U);
  EXPECT_EQ(due[0].id, "d3");
  EXPECT_EQ(due[0].starts, 4);
  EXPECT_EQ(due[1].id, "d2");
}

TEST_P(store_conformance, whoever_knows_the_token_frees_what_was_claimed_without_a_start) {
  units().commit({.delayed = {{.id = "d1"}, {.id = "d2"}}});
  delayed().claim_due({.token = "answered", .most = 1, .lease = 30s, .except = {}});
  delayed().claim_due({.token = "unanswered", .most = 1, .lease = 30s, .except = {}});
  delayed().release_due("of nobody");
  EXPECT_TRUE(claim_due().empty());
  delayed().release_due("unanswered");
  delayed().release_due("unanswered");
  const auto due = claim_due();
  ASSERT_EQ(due.size(), 1U) << "the other claim holds";
  EXPECT_EQ(due[0].id, "d2");
  EXPECT_EQ(due[0].starts, 1) << "a message given back was not tried";
}

TEST_P(store_conformance, delayed_messages_whose_holder_died_come_one_at_a_time) {
  units().commit({.delayed = {{.id = "d1"}, {.id = "d2"}}});
  move_clock(1s);
  units().commit({.delayed = {{.id = "d3"}}});
  EXPECT_EQ(claim_due().size(), 3U);
  move_clock(31s);
  units().commit({.delayed = {{.id = "d4"}}});
  const auto ids_of = [](const std::vector<delayed_message>& rows) {
    strings all;
    for (const auto& each : rows) all.push_back(each.id);
    return all;
  };
  auto due = claim_due();
  EXPECT_EQ(ids_of(due), (strings{"d1", "d4"})) << "what nobody had waits for nothing";
  EXPECT_EQ(due.at(0).starts, 2);
  EXPECT_TRUE(claim_due().empty());
  move_clock(31s);  // d1 was to blame
  EXPECT_EQ(claim_due().at(0).starts, 3);
  EXPECT_TRUE(claim_due().empty());
  units().commit({.finished_delayed = {"d1"}});
  due = claim_due();
  EXPECT_EQ(ids_of(due), strings{"d2"});
  EXPECT_EQ(due.at(0).starts, 2) << "not counted for what d1 did";
  units().commit({.delayed = {{.id = "d2", .delay = 1h}}});
  EXPECT_EQ(ids_of(claim_due()), strings{"d3"});
}

TEST_P(store_conformance, the_time_of_the_next_delayed_message_is_known) {
  EXPECT_EQ(delayed().next_due(), std::nullopt);
  db().commit({.delayed = {{.id = "d1", .delay = 60s}, {.id = "d2", .delay = 20s}}});
  const auto near = [&](std::chrono::milliseconds expected) {
    const auto next = delayed().next_due();
    return next && *next <= expected && *next > expected - 15s;  // the machine may be busy
  };
  EXPECT_TRUE(near(20s));
  move_clock(20s);
  ASSERT_TRUE(delayed().next_due());
  EXPECT_LE(delayed().next_due()->count(), 0);
  ASSERT_EQ(claim_due().size(), 1U);
  EXPECT_TRUE(near(40s)) << "one that is claimed is not due, but when its lease ends";
  move_clock(2h);
  EXPECT_LE(delayed().next_due()->count(), 0);
  EXPECT_EQ(claim_due().size(), 2U);
  db().commit({.finished_delayed = {"d1", "d2"}});
  EXPECT_EQ(delayed().next_due(), std::nullopt);
}

TEST_P(store_conformance, one_that_stands_behind_another_is_not_the_next) {
  delayed_message head{.id = "head", .subscription = "h"}, follower{.id = "follower", .subscription = "h"};
  for (auto* each : {&head, &follower}) each->message.key = "k1", each->holds_key = true;
  head.delay = 60s;
  db().commit({.delayed = {head}});
  ASSERT_TRUE(delayed().wait_behind(follower));
  EXPECT_GT(*delayed().next_due(), 30s);
  db().commit({.finished_delayed = {"head"}});
  EXPECT_LE(delayed().next_due()->count(), 0);
}

TEST_P(store_conformance, delayed_messages_of_named_handlers_stay_where_they_are) {
  units().commit(
      {.delayed = {
           {.id = "d1", .subscription = "count"}, {.id = "d2", .subscription = "count#e1"}, {.id = "d3", .subscription = "counter"}}});
  const auto due = delayed().claim_due({.token = "t", .most = 10, .lease = 30s, .except = {"audit", "count"}});
  ASSERT_EQ(due.size(), 1U) << "a retry from the error store is its handler's, too";
  EXPECT_EQ(due[0].id, "d3");
  EXPECT_EQ(claim_due().size(), 2U);
}

TEST_P(store_conformance, a_unit_may_settle_its_delayed_row_and_schedule_it_again) {
  units().commit({.delayed = {{.id = "d1"}}});
  ASSERT_EQ(claim_due().size(), 1U);
  units().commit({.delayed = {{.id = "d1", .delay = 5s}}, .finished_delayed = {"d1"}});
  EXPECT_TRUE(claim_due().empty());
  move_clock(5s);
  EXPECT_EQ(claim_due().at(0).starts, 1);
}

TEST_P(store_conformance, what_comes_behind_a_held_key_waits_in_its_place_until_all_before_it_is_finished) {
  const auto row = [](const std::string& id, const std::string& key, const std::string& subscription = "count") {
    delayed_message made{.id = id, .subscription = subscription, .message = message(id), .holds_key = true};
    made.message.key = key;
    return made;
  };
  const auto due = [&] {
    std::vector<std::string> ids;
    for (const auto& each : claim_due()) {
      EXPECT_TRUE(each.holds_key);
      ids.push_back(each.id);
    }
    return ids;
  };
  using ids = std::vector<std::string>;
  EXPECT_FALSE(delayed().wait_behind(row("early", "a"))) << "no row holds the key";
  EXPECT_EQ(due(), ids{});
  auto head = row("h", "a");
  head.delay = 5s;
  head.rounds = 1;
  units().commit({.delayed = {head}});
  EXPECT_FALSE(delayed().wait_behind(row("x", "b"))) << "another key";
  EXPECT_FALSE(delayed().wait_behind(row("x", "a", "audit"))) << "another subscription";
  auto of_another_tenant = row("x", "a");
  of_another_tenant.message.tenant = "north";
  EXPECT_FALSE(delayed().wait_behind(of_another_tenant));
  EXPECT_TRUE(delayed().wait_behind(row("f1", "a")));
  reopen();
  EXPECT_TRUE(delayed().wait_behind(row("f2", "a")));
  EXPECT_TRUE(delayed().wait_behind(row("h", "a"))) << "its own delivery, once more: the row stays as it is";
  EXPECT_EQ(due(), ids{}) << "the head is not due, and what is due is behind it";
  move_clock(5s);
  auto taken = claim_due();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].id, "h");
  EXPECT_EQ(taken[0].rounds, 1);
  EXPECT_EQ(due(), ids{}) << "the head is being handled";
  head.rounds = 2;
  units().commit({.delayed = {head}});  // failed again: it keeps its place
  move_clock(5s);
  EXPECT_EQ(due(), ids{"h"});
  units().commit({.finished_delayed = {"h"}});
  EXPECT_TRUE(delayed().wait_behind(row("f3", "a"))) << "others of its key wait still";
  EXPECT_EQ(due(), ids{"f1"});
  units().commit({.finished_delayed = {"f1"}});
  EXPECT_EQ(due(), ids{"f2"});
  units().commit({.finished_delayed = {"f2"}});
  EXPECT_EQ(due(), ids{"f3"});
  units().commit({.finished_delayed = {"f3"}});
  EXPECT_FALSE(delayed().wait_behind(row("f4", "a")));
  EXPECT_EQ(due(), ids{});
}

TEST_P(store_conformance, a_delayed_message_put_by_a_clock_that_was_set_back_is_due) {
  units().commit({.delayed = {{.id = "d1", .delay = 10s}}});
  move_clock(-1h);
  EXPECT_EQ(claim_due().size(), 1U);
}

TEST_P(store_conformance, errors_are_listed_newest_first_shown_and_settled_with_a_unit) {
  for (int i = 1; i <= 3; ++i) {
    error_record record{.id = "e" + std::to_string(i),
                        .key = {"count", "m" + std::to_string(i)},
                        .message = message("m" + std::to_string(i)),
                        .error_code = "broken",
                        .error_reason = "it broke",
                        .attempts = i,
                        .first_failed_at = wall_time(1us),
                        .failed_at = wall_time(std::chrono::seconds(i))};
    units().commit({.errors = {record}});
  }
  EXPECT_EQ(errors().count_errors(), 3);
  const auto page = errors().list_errors(1, 1);
  ASSERT_EQ(page.size(), 1U);
  EXPECT_EQ(page[0].id, "e2");
  const auto one = errors().load_error("e3");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->key.message_id, "m3");
  EXPECT_EQ(one->message.body, message("m3").body);
  EXPECT_EQ(one->error_reason, "it broke");
  EXPECT_EQ(one->attempts, 3);
  EXPECT_EQ(one->failed_at, wall_time(3s));
  units().commit({.finished_errors = {"e3"}});
  EXPECT_FALSE(errors().load_error("e3"));
}

TEST_P(store_conformance, what_outlived_its_retention_is_deleted_in_bounded_batches) {
  for (int i = 0; i < 5; ++i) units().commit({.inbox = inbox_key{"count", std::to_string(i)}});
  units().commit({.errors = {{.id = "e1", .failed_at = wall_time()}}});
  move_clock(std::chrono::hours(24));
  units().commit({.inbox = inbox_key{"count", "young"}});
  const store::retention keep{.inbox = std::chrono::hours(1), .errors = std::chrono::hours(1), .batch = 2};
  int calls = 1;
  while (upkeep().clean(keep)) ++calls;
  EXPECT_EQ(calls, 3);
  EXPECT_FALSE(inbox().was_handled({"count", "0"}));
  EXPECT_FALSE(inbox().was_handled({"count", "4"}));
  EXPECT_TRUE(inbox().was_handled({"count", "young"}));
  EXPECT_EQ(errors().count_errors(), 0);
}

}  // namespace mamey::testing
