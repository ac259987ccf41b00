#include "store_conformance.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include <mamey/domain/repository.hpp>

#include "store_examples.hpp"

namespace mamey::testing {

using namespace std::chrono_literals;
using strings = std::vector<std::string>;

store_conformance::store_conformance() : database_(GetParam()()) { reopen(); }

void store_conformance::reopen() {
  store_.reset();
  store_ = database_->open();
  const collection* const all[] = {&parts(), &part_views()};
  store_->prepare(all);
}

// -- documents --------------------------------------------------------------------------------------------------------

TEST_P(store_conformance, a_committed_document_is_read_back_whole_also_after_reopening) {
  db().commit({.documents = {insert_part("p1", {.sku = "a-1", .amount = 7, .note = "b\"ö\n"})}});
  for (int round = 0; round < 2; ++round) {
    const auto found = db().load(parts(), "p1");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->version, 1);
    EXPECT_EQ(found->position, 3);
    EXPECT_EQ(json::parse<part>(found->body).note, "b\"ö\n");
    ASSERT_EQ(found->columns.size(), 3U);
    EXPECT_EQ(found->columns[1], sql_value(std::int64_t{7}));
    reopen();
  }
  EXPECT_FALSE(db().load(parts(), "p2"));
}

TEST_P(store_conformance, an_insert_of_an_id_that_is_there_is_a_concurrency_conflict) {
  db().commit({.documents = {insert_part("p1", {.sku = "a-1"})}});
  EXPECT_EQ(refusal_kind([&] { db().commit({.documents = {insert_part("p1", {.sku = "a-2"})}}); }), error_kind::concurrency_conflict);
  EXPECT_EQ(json::parse<part>(db().load(parts(), "p1")->body).sku, "a-1");
}

TEST_P(store_conformance, an_update_applies_to_the_expected_version_only_and_counts_it) {
  db().commit({.documents = {insert_part("p1", {.sku = "a-1", .amount = 1})}});
  db().commit({.documents = {update_part("p1", {.sku = "a-1", .amount = 2}, 1)}});
  EXPECT_EQ(db().load(parts(), "p1")->version, 2);
  for (const auto stale : {1, 3}) {
    EXPECT_EQ(refusal_kind([&] { db().commit({.documents = {update_part("p1", {.sku = "a-1", .amount = 9}, stale)}}); }),
              error_kind::concurrency_conflict);
  }
  EXPECT_EQ(refusal_kind([&] { db().commit({.documents = {update_part("p2", {.sku = "a-2"}, 1)}}); }), error_kind::concurrency_conflict);
  EXPECT_EQ(json::parse<part>(db().load(parts(), "p1")->body).amount, 2);
}

TEST_P(store_conformance, a_document_is_removed_once_and_only_in_the_expected_version) {
  db().commit({.documents = {insert_part("p1", {.sku = "a-1"})}});
  EXPECT_EQ(refusal_kind([&] { db().commit({.documents = {remove_part("p1", 2)}}); }), error_kind::concurrency_conflict);
  db().commit({.documents = {remove_part("p1", 1)}});
  EXPECT_FALSE(db().load(parts(), "p1"));
  EXPECT_EQ(refusal_kind([&] { db().commit({.documents = {remove_part("p1", 1)}}); }), error_kind::concurrency_conflict);
}

TEST_P(store_conformance, in_an_unversioned_collection_the_last_write_wins) {
  db().commit({.documents = {view_write(write_kind::upsert, "v1", 1)}});
  db().commit({.documents = {view_write(write_kind::upsert, "v1", 2), view_write(write_kind::update, "v1", 3)}});
  EXPECT_EQ(json::parse<part>(db().load(part_views(), "v1")->body).amount, 3);
  EXPECT_EQ(db().load(part_views(), "v1")->columns[0], sql_value(std::int64_t{3}));
  db().commit({.documents = {view_write(write_kind::remove, "v1", 0)}});
  db().commit({.documents = {view_write(write_kind::remove, "v1", 0)}});
  EXPECT_FALSE(db().load(part_views(), "v1"));
  EXPECT_EQ(refusal_kind([&] { db().commit({.documents = {view_write(write_kind::update, "v1", 1)}}); }), error_kind::concurrency_conflict);
}

TEST_P(store_conformance, a_unique_column_that_collides_is_a_concurrency_conflict) {
  db().commit({.documents = {insert_part("p1", {.sku = "a-1"}), insert_part("p2", {.sku = "a-2"})}});
  EXPECT_EQ(refusal_kind([&] { db().commit({.documents = {insert_part("p3", {.sku = "a-1"})}}); }), error_kind::concurrency_conflict);
  EXPECT_EQ(refusal_kind([&] { db().commit({.documents = {update_part("p2", {.sku = "a-1"}, 1)}}); }), error_kind::concurrency_conflict);
}

TEST_P(store_conformance, documents_are_found_by_columns_sorted_and_in_pages) {
  change_set changes;
  for (int i = 0; i < 10; ++i) {
    changes.documents.push_back(insert_part(
        "p" + std::to_string(i),
        {.sku = "a-" + std::to_string(9 - i), .amount = i % 3, .note = i == 4 ? std::optional<std::string>("odd") : std::nullopt}));
  }
  db().commit(changes);
  EXPECT_EQ(ids(db().find(parts(), {.where = {{"amount", std::int64_t{1}}}})), (strings{"p1", "p4", "p7"}));
  EXPECT_EQ(ids(db().find(parts(), {.where = {{"amount", std::int64_t{1}}, {"note", std::string("odd")}}})), strings{"p4"});
  EXPECT_EQ(ids(db().find(parts(), {.where = {{"id", std::string("p4")}}})), strings{"p4"});
  EXPECT_EQ(ids(db().find(parts(), {.where = {{"amount", std::int64_t{1}}, {"note", sql_value()}}})), (strings{"p1", "p7"}));
  EXPECT_EQ(ids(db().find(parts(), {.where = {}, .order_by = "sku", .offset = 2, .limit = 3})), (strings{"p7", "p6", "p5"}));
  EXPECT_EQ(ids(db().find(parts(), {.where = {}, .order_by = "amount", .ascending = false, .limit = 4})),
            (strings{"p8", "p5", "p2", "p7"}));
  EXPECT_TRUE(db().find(parts(), {.where = {}, .offset = 10}).empty());
  const column_condition ones[] = {{"amount", std::int64_t{1}}};
  EXPECT_EQ(db().count(parts(), ones), 3);
  EXPECT_EQ(db().count(parts(), {}), 10);
}

TEST_P(store_conformance, what_comes_behind_a_place_is_found_in_every_order) {
  change_set changes;
  for (int i = 0; i < 6; ++i) {
    changes.documents.push_back(insert_part("p" + std::to_string(i), {.sku = "a-" + std::to_string(9 - i),
                                                                      .amount = i / 2,
                                                                      .note = i % 2 == 0 ? std::optional<std::string>("n") : std::nullopt}));
  }
  db().commit(changes);
  // From any place on: what the whole list shows behind it.
  for (const auto* order_by : {"id", "sku", "amount", "note"}) {
    for (const bool ascending : {true, false}) {
      const auto whole = db().find(parts(), {.where = {}, .order_by = order_by, .ascending = ascending});
      ASSERT_EQ(whole.size(), 6U);
      for (std::size_t i = 0; i < whole.size(); ++i) {
        const sql_value key = order_by == std::string_view("sku")      ? whole[i].columns[0]
                              : order_by == std::string_view("amount") ? whole[i].columns[1]
                              : order_by == std::string_view("note")   ? whole[i].columns[2]
                                                                       : sql_value();
        document_query query{.where = {}, .order_by = order_by, .ascending = ascending, .after = document_place{key, whole[i].id}};
        auto expected = ids(whole);
        expected.erase(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        EXPECT_EQ(ids(db().find(parts(), query)), expected) << order_by << (ascending ? " asc " : " desc ") << i;
        query.limit = 1;
        expected.resize(std::min<std::size_t>(expected.size(), 1));
        EXPECT_EQ(ids(db().find(parts(), query)), expected) << order_by << (ascending ? " asc " : " desc ") << i;
      }
    }
  }
  EXPECT_EQ(ids(db().find(parts(), {.where = {{"note", sql_value()}}, .order_by = "amount", .after = document_place{std::int64_t{0}, "p1"}})),
            (strings{"p3", "p5"}));
}

TEST_P(store_conformance, going_from_page_to_page_sees_all_that_was_there_once_while_rows_come_and_go) {
  struct view {
    std::string id;
    int amount = 0;
    static constexpr auto indexes() { return indexed<&view::amount>; }
  };
  const collection* const all[] = {&read_model_collection<view>()};
  db().prepare(all);
  const auto put = [&](const std::vector<view>& models) {
    unit_of_work unit(db());
    read_models<view> views(unit);
    for (const auto& each : models) views.put(each);
    db().commit({.documents = std::move(unit.writes())});
  };
  put({{"v2", 1}, {"v4", 1}, {"v6", 2}, {"v8", 2}, {"va", 3}});
  strings seen;
  cursor_paging asked{.after = {}, .results_per_page = 2, .order_by = "amount", .sort_order = "asc"};
  for (int page = 0; page < 10; ++page) {
    unit_of_work unit(db());
    read_models<view> views(unit);
    const auto found = views.scroll({}, asked);
    for (const auto& each : found.items) seen.push_back(each.id);
    if (!found.next) break;
    asked.after = *found.next;
    if (page > 0) continue;
    put({{"v1", 0}, {"v3", 1}, {"v7", 2}});  // two before the place, one behind it
    unit_of_work leaving(db());
    read_models<view>(leaving).remove("v4");  // the row of the place itself
    db().commit({.documents = std::move(leaving.writes())});
  }
  EXPECT_EQ(seen, (strings{"v2", "v4", "v6", "v7", "v8", "va"}));
}

TEST_P(store_conformance, a_column_nobody_declared_is_refused_by_name) {
  try {
    db().find(part_views(), {.where = {{"sku", std::string("x")}}});
    FAIL() << "sku is no column of part_views";
  } catch (const error& refused) {
    EXPECT_NE(refused.reason().find("sku"), std::string::npos) << refused.reason();
  }
  EXPECT_THROW(db().find(part_views(), {.where = {}, .order_by = "1; drop table parts"}), error);
}

// -- units of work ----------------------------------------------------------------------------------------------------

TEST_P(store_conformance, a_change_set_is_applied_all_or_nothing) {
  db().commit({.documents = {insert_part("p1", {.sku = "a-1"})}});
  const change_set changes{.inbox = inbox_key{"count", "m1"},
                           .documents = {insert_part("p2", {.sku = "a-2"}), update_part("p1", {.sku = "a-3"}, 7)},
                           .outbox = {message("m2")},
                           .errors = {{.id = "e1"}},
                           .delayed = {{.id = "d1"}}};
  EXPECT_EQ(refusal_kind([&] { db().commit(changes); }), error_kind::concurrency_conflict);
  EXPECT_FALSE(db().load(parts(), "p2"));
  EXPECT_FALSE(db().was_handled({"count", "m1"}));
  EXPECT_TRUE(db().claim_outbox({}).rows.empty());
  EXPECT_EQ(db().count_errors(), 0);
  EXPECT_TRUE(claim_due(1s).empty());
}

TEST_P(store_conformance, plain_statements_are_applied_with_the_unit_and_checked) {
  db().commit({.documents = {insert_part("p1", {.sku = "a-1", .amount = 5})}});
  db().commit({.statements = {{.text = "update parts set amount = amount - 2 where sku = 'a-1' and amount >= 2", .expected_rows = 1}}});
  std::vector<sql_value> seen;
  db().query({.text = "select amount, sku, note from parts"}, [&](const sql_row& row) {
    EXPECT_EQ(strings(row.names.begin(), row.names.end()), (strings{"amount", "sku", "note"}));
    seen = row.values;
  });
  EXPECT_EQ(seen, (std::vector<sql_value>{std::int64_t{3}, std::string("a-1"), sql_value()}));
  EXPECT_EQ(refusal_kind([&] { db().commit({.statements = {{.text = "delete from parts where sku = 'gone'", .expected_rows = 1}}}); }),
            error_kind::concurrency_conflict);
  EXPECT_EQ(refusal_kind([&] { db().commit({.statements = {{.text = "delete form parts"}}}); }), error_kind::internal);
}

TEST_P(store_conformance, a_message_has_its_effect_once) {
  const auto handle = [&](int amount) {
    return db().commit(
        {.inbox = inbox_key{"count", "m1"}, .documents = {view_write(write_kind::upsert, "v1", amount)}, .outbox = {message("m2")}});
  };
  EXPECT_FALSE(db().was_handled({"count", "m1"}));
  EXPECT_EQ(handle(1), commit_outcome::committed);
  reopen();
  EXPECT_EQ(handle(2), commit_outcome::already_handled);
  EXPECT_TRUE(db().was_handled({"count", "m1"}));
  EXPECT_FALSE(db().was_handled({"audit", "m1"})) << "another subscription handles the message for itself";
  EXPECT_EQ(json::parse<part>(db().load(part_views(), "v1")->body).amount, 1);
  EXPECT_EQ(db().claim_outbox({}).rows.size(), 1U);
}

TEST_P(store_conformance, a_commit_that_wrote_messages_wakes_the_relay) {
  std::atomic<int> wakes = 0;
  db().on_commit([&] { ++wakes; });
  db().commit({.documents = {insert_part("p1", {.sku = "a-1"})}});
  EXPECT_EQ(wakes, 0);
  db().commit(messages({message("m1")}));
  EXPECT_EQ(wakes, 1);
  db().begin({}, 10s)->commit({.delayed = {{.id = "d1"}}});
  EXPECT_EQ(wakes, 2);
  db().on_commit({});
  db().commit(messages({message("m2")}));
  EXPECT_EQ(wakes, 2);
}

// -- interactive units ------------------------------------------------------------------------------------------------

TEST_P(store_conformance, an_interactive_unit_sees_its_own_writes_and_others_see_them_after_commit) {
  auto unit = db().begin(inbox_key{"count", "m1"}, 10s);
  ASSERT_TRUE(unit);
  EXPECT_EQ(unit->execute({.text = "insert into parts (id, version, position, body, sku) values ('p1', 1, 0, '{}', 'a-1')"}), 1);
  EXPECT_TRUE(unit->load(parts(), "p1"));
  EXPECT_EQ(unit->count(parts(), {}), 1);
  EXPECT_FALSE(db().load(parts(), "p1"));
  unit->commit({.inbox = inbox_key{"count", "m1"}, .documents = {update_part("p1", {.sku = "a-2"}, 1)}, .outbox = {message("m2")}});
  EXPECT_EQ(db().load(parts(), "p1")->version, 2);
  EXPECT_TRUE(db().was_handled({"count", "m1"}));
  EXPECT_EQ(db().claim_outbox({}).rows.size(), 1U);
}

TEST_P(store_conformance, an_interactive_unit_does_not_begin_for_a_message_that_was_handled) {
  db().commit({.inbox = inbox_key{"count", "m1"}});
  EXPECT_FALSE(db().begin(inbox_key{"count", "m1"}, 10s));
  EXPECT_TRUE(db().begin(inbox_key{"count", "m2"}, 10s));
}

TEST_P(store_conformance, an_interactive_unit_leaves_nothing_when_dropped_rolled_back_or_refused) {
  const auto insert = [](store_transaction& unit) {
    unit.execute({.text = "insert into parts (id, version, position, body, sku) values ('p1', 1, 0, '{}', 'a-1')"});
  };
  {
    auto unit = db().begin(inbox_key{"count", "m1"}, 10s);
    insert(*unit);
  }
  {
    auto unit = db().begin(inbox_key{"count", "m2"}, 10s);
    insert(*unit);
    unit->rollback();
    EXPECT_THROW(unit->count(parts(), {}), error);
  }
  {
    auto unit = db().begin(inbox_key{"count", "m3"}, 10s);
    insert(*unit);
    EXPECT_EQ(refusal_kind([&] { unit->commit({.documents = {update_part("p1", {.sku = "a-1"}, 9)}}); }), error_kind::concurrency_conflict);
    EXPECT_THROW(unit->commit({}), error);
  }
  db().commit({.documents = {insert_part("p2", {.sku = "a-2"})}});
  EXPECT_EQ(db().count(parts(), {}), 1);
  for (const auto* id : {"m1", "m2", "m3"}) EXPECT_FALSE(db().was_handled({"count", id}));
}

TEST_P(store_conformance, an_interactive_unit_that_stays_open_too_long_is_rolled_back) {
  auto unit = db().begin({}, 200ms);
  unit->execute({.text = "insert into parts (id, version, position, body, sku) values ('p1', 1, 0, '{}', 'a-1')"});
  db().commit({.documents = {insert_part("p2", {.sku = "a-2"})}});  // where there is one writer, waits until the bound is over
  const auto over = std::chrono::steady_clock::now() + 200ms;
  while (std::chrono::steady_clock::now() < over) db().count(parts(), {});
  EXPECT_EQ(refusal_kind([&] { unit->commit({}); }), error_kind::deadline_exceeded);
  EXPECT_EQ(ids(db().find(parts(), {.where = {}})), strings{"p2"});
}

// -- inbox, delayed messages, errors ----------------------------------------------------------------------------------

TEST_P(store_conformance, starts_are_counted_before_the_work_and_survive) {
  const inbox_key key{"count", "m1"};
  EXPECT_EQ(db().count_start(key, 0), 1);
  reopen();
  EXPECT_EQ(db().count_start(key, 1), 2) << "nothing is presumed where something was counted";
  EXPECT_EQ(db().count_start({"audit", "m1"}, 1), 2) << "the first one here, one before it";
  db().take_back_start(key);
  EXPECT_EQ(db().count_start(key, 0), 2) << "one start was taken back, not those of others";
  for (int i = 0; i < 3; ++i) db().take_back_start(key);
  EXPECT_EQ(db().count_start(key, 0), 1) << "there are never fewer than none";
  db().count_start(key, 0);
  db().forget_starts(key);
  db().forget_starts({"count", "never started"});
  EXPECT_EQ(db().count_start(key, 1), 1) << "they came to an outcome";
  EXPECT_EQ(db().count_start({"audit", "m1"}, 1), 3);
}

TEST_P(store_conformance, messages_of_two_tenants_may_have_one_id) {
  const inbox_key none{"count", "m1"}, first{"count", "m1", "t1"}, second{"count", "m1", "t2"};
  EXPECT_EQ(db().commit({.inbox = first}), commit_outcome::committed);
  EXPECT_TRUE(db().was_handled(first));
  EXPECT_FALSE(db().was_handled(second));
  EXPECT_FALSE(db().was_handled(none));
  EXPECT_EQ(db().commit({.inbox = first}), commit_outcome::already_handled);
  EXPECT_EQ(db().commit({.inbox = second}), commit_outcome::committed);
  EXPECT_EQ(db().commit({.inbox = none}), commit_outcome::committed);
  for (const auto& each : {none, first, second}) {
    EXPECT_EQ(db().commit({.inbox = each}), commit_outcome::already_handled) << each.tenant;
    EXPECT_FALSE(db().begin(each, 10s)) << each.tenant;
  }
  auto unit = db().begin(inbox_key{"count", "m1", "t3"}, 10s);
  ASSERT_TRUE(unit);
  unit->commit({});
  EXPECT_FALSE(db().begin(inbox_key{"count", "m1", "t3"}, 10s));
  EXPECT_EQ(db().count_start(first, 0), 1);
  EXPECT_EQ(db().count_start(first, 0), 2);
  EXPECT_EQ(db().count_start(second, 0), 1);
  db().take_back_start(first);
  EXPECT_EQ(db().count_start(second, 0), 2);
  auto failed = message("m1");
  failed.tenant = "t1";
  db().commit({.errors = {{.id = "e1", .key = first, .message = failed}}});
  EXPECT_EQ(db().load_error("e1")->key.tenant, "t1");
}

TEST_P(store_conformance, a_message_has_one_open_unit_at_a_time_and_who_comes_second_is_busy_or_waits) {
  const inbox_key key{"count", "m1"};
  enum class met { unit, handled_already, gave_up };
  const auto until_it_is_free = [&] {
    while (true) {
      try {
        const auto unit = db().begin(key, 30s);
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
    auto first = db().begin(key, 30s);
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
  db().commit({.delayed = {row}});
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
  db().commit({.finished_delayed = {"d1"}});
  move_clock(31s);
  EXPECT_TRUE(claim_due().empty());
}

TEST_P(store_conformance, delayed_messages_come_oldest_first_and_are_replaced_by_id) {
  db().commit({.delayed = {{.id = "d1", .delay = 9s}, {.id = "d2", .delay = 5s}, {.id = "d3", .delay = 60s}}});
  db().commit({.delayed = {{.id = "d3", .starts = 3, .delay = 1s}}});
  move_clock(20s);
  const auto due = db().claim_due({.token = "first", .most = 2, .lease = 30s, .except = {}});
  ASSERT_EQ(due.size(), 2U);
  EXPECT_EQ(due[0].id, "d3");
  EXPECT_EQ(due[0].starts, 4);
  EXPECT_EQ(due[1].id, "d2");
}

TEST_P(store_conformance, whoever_knows_the_token_frees_what_was_claimed_without_a_start) {
  db().commit({.delayed = {{.id = "d1"}, {.id = "d2"}}});
  db().claim_due({.token = "answered", .most = 1, .lease = 30s, .except = {}});
  db().claim_due({.token = "unanswered", .most = 1, .lease = 30s, .except = {}});
  db().release_due("of nobody");
  EXPECT_TRUE(claim_due().empty());
  db().release_due("unanswered");
  db().release_due("unanswered");
  const auto due = claim_due();
  ASSERT_EQ(due.size(), 1U) << "the other claim holds";
  EXPECT_EQ(due[0].id, "d2");
  EXPECT_EQ(due[0].starts, 1) << "a message given back was not tried";
}

TEST_P(store_conformance, delayed_messages_whose_holder_died_come_one_at_a_time) {
  db().commit({.delayed = {{.id = "d1"}, {.id = "d2"}}});
  move_clock(1s);
  db().commit({.delayed = {{.id = "d3"}}});
  EXPECT_EQ(claim_due().size(), 3U);
  move_clock(31s);
  db().commit({.delayed = {{.id = "d4"}}});
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
  db().commit({.finished_delayed = {"d1"}});
  due = claim_due();
  EXPECT_EQ(ids_of(due), strings{"d2"});
  EXPECT_EQ(due.at(0).starts, 2) << "not counted for what d1 did";
  db().commit({.delayed = {{.id = "d2", .delay = 1h}}});
  EXPECT_EQ(ids_of(claim_due()), strings{"d3"});
}

TEST_P(store_conformance, delayed_messages_of_named_handlers_stay_where_they_are) {
  db().commit({.delayed = {{.id = "d1", .subscription = "count"}, {.id = "d2", .subscription = "count#e1"}, {.id = "d3", .subscription = "counter"}}});
  const auto due = db().claim_due({.token = "t", .most = 10, .lease = 30s, .except = {"audit", "count"}});
  ASSERT_EQ(due.size(), 1U) << "a retry from the error store is its handler's, too";
  EXPECT_EQ(due[0].id, "d3");
  EXPECT_EQ(claim_due().size(), 2U);
}

TEST_P(store_conformance, a_unit_may_settle_its_delayed_row_and_schedule_it_again) {
  db().commit({.delayed = {{.id = "d1"}}});
  ASSERT_EQ(claim_due().size(), 1U);
  db().commit({.delayed = {{.id = "d1", .delay = 5s}}, .finished_delayed = {"d1"}});
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
  EXPECT_FALSE(db().wait_behind(row("early", "a"))) << "no row holds the key";
  EXPECT_EQ(due(), ids{});
  auto head = row("h", "a");
  head.delay = 5s;
  head.rounds = 1;
  db().commit({.delayed = {head}});
  EXPECT_FALSE(db().wait_behind(row("x", "b"))) << "another key";
  EXPECT_FALSE(db().wait_behind(row("x", "a", "audit"))) << "another subscription";
  auto of_another_tenant = row("x", "a");
  of_another_tenant.message.tenant = "north";
  EXPECT_FALSE(db().wait_behind(of_another_tenant));
  EXPECT_TRUE(db().wait_behind(row("f1", "a")));
  reopen();
  EXPECT_TRUE(db().wait_behind(row("f2", "a")));
  EXPECT_TRUE(db().wait_behind(row("h", "a"))) << "its own delivery, once more: the row stays as it is";
  EXPECT_EQ(due(), ids{}) << "the head is not due, and what is due is behind it";
  move_clock(5s);
  auto taken = claim_due();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].id, "h");
  EXPECT_EQ(taken[0].rounds, 1);
  EXPECT_EQ(due(), ids{}) << "the head is being handled";
  head.rounds = 2;
  db().commit({.delayed = {head}});  // failed again: it keeps its place
  move_clock(5s);
  EXPECT_EQ(due(), ids{"h"});
  db().commit({.finished_delayed = {"h"}});
  EXPECT_TRUE(db().wait_behind(row("f3", "a"))) << "others of its key wait still";
  EXPECT_EQ(due(), ids{"f1"});
  db().commit({.finished_delayed = {"f1"}});
  EXPECT_EQ(due(), ids{"f2"});
  db().commit({.finished_delayed = {"f2"}});
  EXPECT_EQ(due(), ids{"f3"});
  db().commit({.finished_delayed = {"f3"}});
  EXPECT_FALSE(db().wait_behind(row("f4", "a")));
  EXPECT_EQ(due(), ids{});
}

TEST_P(store_conformance, a_delayed_message_put_by_a_clock_that_was_set_back_is_due) {
  db().commit({.delayed = {{.id = "d1", .delay = 10s}}});
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
    db().commit({.errors = {record}});
  }
  EXPECT_EQ(db().count_errors(), 3);
  const auto page = db().list_errors(1, 1);
  ASSERT_EQ(page.size(), 1U);
  EXPECT_EQ(page[0].id, "e2");
  const auto one = db().load_error("e3");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->key.message_id, "m3");
  EXPECT_EQ(one->message.body, message("m3").body);
  EXPECT_EQ(one->error_reason, "it broke");
  EXPECT_EQ(one->attempts, 3);
  EXPECT_EQ(one->failed_at, wall_time(3s));
  db().commit({.finished_errors = {"e3"}});
  EXPECT_FALSE(db().load_error("e3"));
}

TEST_P(store_conformance, what_outlived_its_retention_is_deleted_in_bounded_batches) {
  for (int i = 0; i < 5; ++i) db().commit({.inbox = inbox_key{"count", std::to_string(i)}});
  db().commit({.errors = {{.id = "e1", .failed_at = wall_time()}}});
  move_clock(std::chrono::hours(24));
  db().commit({.inbox = inbox_key{"count", "young"}});
  const store::retention keep{.inbox = std::chrono::hours(1), .errors = std::chrono::hours(1), .batch = 2};
  int calls = 1;
  while (db().clean(keep)) ++calls;
  EXPECT_EQ(calls, 3);
  EXPECT_FALSE(db().was_handled({"count", "0"}));
  EXPECT_FALSE(db().was_handled({"count", "4"}));
  EXPECT_TRUE(db().was_handled({"count", "young"}));
  EXPECT_EQ(db().count_errors(), 0);
}

}  // namespace mamey::testing
