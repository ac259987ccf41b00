#include "store_conformance.hpp"

#include <algorithm>
#include <atomic>

#include <mamey/core/decimal.hpp>
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
    changes.documents.push_back(insert_part(
        "p" + std::to_string(i),
        {.sku = "a-" + std::to_string(9 - i), .amount = i / 2, .note = i % 2 == 0 ? std::optional<std::string>("n") : std::nullopt}));
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
  EXPECT_EQ(
      ids(db().find(parts(), {.where = {{"note", sql_value()}}, .order_by = "amount", .after = document_place{std::int64_t{0}, "p1"}})),
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
    db().commit({.documents = unit.take_writes()});
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
    db().commit({.documents = leaving.take_writes()});
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

// -- what is refused is said in the service's words -------------------------------------------------------------------

TEST_P(store_conformance, a_value_that_is_taken_is_told_by_the_member_and_never_shown) {
  db().commit({.documents = {insert_part("p1", {.sku = "secret"})}});
  const auto said = [&](const change_set& changes) {
    try {
      db().commit(changes);
    } catch (const concurrency_conflict& taken) {
      EXPECT_EQ(taken.code(), "already_exists");
      return taken.reason();
    }
    return std::string("nothing");
  };
  EXPECT_EQ(said({.documents = {insert_part("p2", {.sku = "secret"})}}), "parts: sku is already taken");
  EXPECT_EQ(said({.documents = {insert_part("p1", {.sku = "other"})}}), "parts: id is already taken");
  const auto by_hand =
      said({.statements = {{.text = "insert into parts (id, version, position, body, sku) values ('p1', 1, 0, '{}', 'x')"}}});
  EXPECT_EQ(by_hand, "parts: id is already taken");
}

// -- rows of other releases -------------------------------------------------------------------------------------------

struct chore_before {
  static constexpr const char* collection = "chores";
  std::string id;
  std::string what;
};
struct chore {
  static constexpr const char* collection = "chores";
  std::string id;
  std::string what;
  int priority = 5;
  std::optional<int> cost = 7;
  decimal wage = decimal("1.50");
  static constexpr auto indexes() { return indexed<&chore::what, &chore::priority, &chore::cost, &chore::wage>; }
};

TEST_P(store_conformance, a_member_declared_later_is_found_in_old_rows_by_what_reading_shows) {
  const collection* const before[] = {&read_model_collection<chore_before>()};
  db().prepare(before);
  constexpr int many = 1'200;  // more than one batch
  {
    unit_of_work unit(db());
    read_models<chore_before> chores(unit);
    for (int i = 0; i < many; ++i) chores.put({.id = std::to_string(i), .what = "w" + std::to_string(i % 3)});
    db().commit({.documents = unit.take_writes()});
  }
  db().commit({.statements = {{.text = "update chores set body = '{\"what\":[]}' where id = '7'"}}});  // cannot be read: left as it is
  reopen();
  const collection* const now[] = {&read_model_collection<chore>()};
  db().prepare(now);
  const auto found = [&](const member_condition<chore>& condition) {
    unit_of_work unit(db());
    return read_models<chore>(unit).list(condition).total_results;
  };
  EXPECT_EQ(found(where<&chore::priority>(5)), many - 1);
  EXPECT_EQ(found(where<&chore::cost>(7)), many - 1);
  EXPECT_EQ(found(where<&chore::wage>(decimal("1.50"))), many - 1);
  EXPECT_EQ(found(where<&chore::what>(std::string("w2"))), many / 3);

  // A release before this one filled the column from the bodies alone.
  db().commit({.statements = {{.text = "update chores set priority = null where id <> '1'"}}});
  reopen();
  db().prepare(now);
  EXPECT_EQ(found(where<&chore::priority>(5)), many - 1);
}

TEST_P(store_conformance, a_stored_null_is_no_document) {
  const collection* const all[] = {&read_model_collection<chore>()};
  db().prepare(all);
  unit_of_work writing(db());
  read_models<chore> chores(writing);
  chores.put({.id = "1", .what = "w"});
  db().commit({.documents = writing.take_writes()});
  unit_of_work unit(db());
  for (const auto* body : {"null", " null ", "[]", "7"}) {
    db().commit({.statements = {{.text = "update chores set body = '" + std::string(body) + "'"}}});
    EXPECT_EQ(refusal([&] { read_models<chore>(unit).get("1"); }).second, "stored_document_unreadable") << body;
  }
}

TEST_P(store_conformance, a_row_that_cannot_be_read_is_left_out_of_lists_and_told_of) {
  const collection* const all[] = {&read_model_collection<chore>()};
  db().prepare(all);
  strings told;
  unreadable_rows rules{.left_out = [&](const collection& in, std::span<const std::string> ids, std::string_view reason) {
    EXPECT_NE(reason.find("what"), std::string::npos) << reason;
    for (const auto& each : ids) told.push_back(in.name + " " + each);
  }};
  unit_of_work writing(db());
  read_models<chore> chores(writing);
  for (int i = 0; i < 9; ++i) chores.put({.id = std::to_string(i), .what = "w", .priority = i / 4});
  db().commit({.documents = writing.take_writes()});
  db().commit({.statements = {{.text = "update chores set body = '{\"what\":[]}' where id in ('2', '3', '4', '8')"}}});

  unit_of_work unit(db(), &rules);
  const read_models<chore> shown(unit);
  EXPECT_EQ(refusal([&] { shown.get("3"); }), (std::pair{error_kind::internal, std::string("stored_document_unreadable")}));
  EXPECT_TRUE(told.empty());
  const auto page = shown.list({}, {.page = 1, .results_per_page = 5});
  EXPECT_EQ(page.items.size(), 2U);
  EXPECT_EQ(page.total_results, 9) << "they are there";
  EXPECT_EQ(told, (strings{"chores 2", "chores 3", "chores 4"}));
  for (const auto* order_by : {"", "priority", "wage", "what"}) {
    for (const auto* sort_order : {"asc", "desc"}) {
      for (const int size : {1, 2, 100}) {
        strings seen;
        cursor_paging asked{.after = {}, .results_per_page = size, .order_by = order_by, .sort_order = sort_order};
        int pages = 0;
        for (; pages < 10; ++pages) {
          const auto found = shown.scroll({}, asked);
          for (const auto& each : found.items) seen.push_back(each.id);
          if (!found.next) break;
          EXPECT_EQ(std::ssize(found.items), size) << "a page is full where another follows";
          asked.after = *found.next;
        }
        EXPECT_LT(pages, 10);
        std::ranges::sort(seen);
        EXPECT_EQ(seen, (strings{"0", "1", "5", "6", "7"})) << order_by << " " << sort_order << " by " << size;
      }
    }
  }
  rules.refused = true;
  EXPECT_EQ(refusal([&] { shown.list(); }).second, "stored_document_unreadable");
  EXPECT_EQ(refusal([&] { shown.scroll({}); }).second, "stored_document_unreadable");
}

// -- units of work ----------------------------------------------------------------------------------------------------

TEST_P(store_conformance, what_was_added_and_removed_again_conflicts_with_an_id_that_is_there) {
  db().commit({.documents = {insert_part("p1", {.sku = "a-1"})}});
  EXPECT_EQ(refusal_kind([&] { db().commit({.documents = {insert_part("p1", {.sku = "a-2"}), remove_part("p1", 1)}}); }),
            error_kind::concurrency_conflict);
  EXPECT_TRUE(db().load(parts(), "p1"));
  db().commit({.documents = {insert_part("p2", {.sku = "a-2"}), remove_part("p2", 1)}});
  EXPECT_FALSE(db().load(parts(), "p2"));
}

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
  db().sql()->query({.text = "select amount, sku, note from parts"}, [&](const sql_row& row) {
    EXPECT_EQ(strings(row.names.begin(), row.names.end()), (strings{"amount", "sku", "note"}));
    seen = row.values;
  });
  EXPECT_EQ(seen, (std::vector<sql_value>{std::int64_t{3}, std::string("a-1"), sql_value()}));
  EXPECT_EQ(refusal_kind([&] { db().commit({.statements = {{.text = "delete from parts where sku = 'gone'", .expected_rows = 1}}}); }),
            error_kind::concurrency_conflict);
  EXPECT_EQ(refusal_kind([&] { db().commit({.statements = {{.text = "delete form parts"}}}); }), error_kind::internal);
}

TEST_P(store_conformance, rows_of_a_plain_query_may_be_kept) {
  db().commit({.documents = {insert_part("p1", {.sku = "a-1", .amount = 5}), insert_part("p2", {.sku = "a-2", .amount = 6})}});
  std::vector<sql_row> kept;
  db().sql()->query({.text = "select amount as pieces_in_the_whole_house, sku from parts order by sku"},
                    [&](const sql_row& row) { kept.push_back(row); });
  const strings others(50, "takes the memory that is free again");
  ASSERT_EQ(kept.size(), 2U);
  for (const auto& row : kept) EXPECT_EQ(strings(row.names.begin(), row.names.end()), (strings{"pieces_in_the_whole_house", "sku"}));
  EXPECT_EQ(kept[1].values, (std::vector<sql_value>{std::int64_t{6}, std::string("a-2")}));
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
  std::atomic<int> wakes = 0, for_outbox = 0, for_delayed = 0;
  db().on_commit([&](written_rows rows) {
    ++wakes;
    for_outbox += rows.outbox ? 1 : 0;
    for_delayed += rows.delayed ? 1 : 0;
  });
  db().commit({.documents = {insert_part("p1", {.sku = "a-1"})}});
  EXPECT_EQ(wakes, 0);
  db().commit(messages({message("m1")}));
  EXPECT_EQ(wakes, 1);
  EXPECT_EQ(for_outbox, 1);
  EXPECT_EQ(for_delayed, 0) << "nobody looks for delayed messages because of it";
  db().sql()->begin({}, 10s)->commit({.delayed = {{.id = "d1"}}});
  EXPECT_EQ(wakes, 2);
  EXPECT_EQ(for_outbox, 1);
  EXPECT_EQ(for_delayed, 1);
  db().on_commit({});
  db().commit(messages({message("m2")}));
  EXPECT_EQ(wakes, 2);
}

// -- interactive units ------------------------------------------------------------------------------------------------

TEST_P(store_conformance, an_interactive_unit_sees_its_own_writes_and_others_see_them_after_commit) {
  auto unit = db().sql()->begin(inbox_key{"count", "m1"}, 10s);
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
  EXPECT_FALSE(db().sql()->begin(inbox_key{"count", "m1"}, 10s));
  EXPECT_TRUE(db().sql()->begin(inbox_key{"count", "m2"}, 10s));
}

TEST_P(store_conformance, an_interactive_unit_leaves_nothing_when_dropped_rolled_back_or_refused) {
  const auto insert = [](store_transaction& unit) {
    unit.execute({.text = "insert into parts (id, version, position, body, sku) values ('p1', 1, 0, '{}', 'a-1')"});
  };
  {
    auto unit = db().sql()->begin(inbox_key{"count", "m1"}, 10s);
    insert(*unit);
  }
  {
    auto unit = db().sql()->begin(inbox_key{"count", "m2"}, 10s);
    insert(*unit);
    unit->rollback();
    EXPECT_THROW(unit->count(parts(), {}), error);
  }
  {
    auto unit = db().sql()->begin(inbox_key{"count", "m3"}, 10s);
    insert(*unit);
    EXPECT_EQ(refusal_kind([&] { unit->commit({.documents = {update_part("p1", {.sku = "a-1"}, 9)}}); }), error_kind::concurrency_conflict);
    EXPECT_THROW(unit->commit({}), error);
  }
  db().commit({.documents = {insert_part("p2", {.sku = "a-2"})}});
  EXPECT_EQ(db().count(parts(), {}), 1);
  for (const auto* id : {"m1", "m2", "m3"}) EXPECT_FALSE(db().was_handled({"count", id}));
}

TEST_P(store_conformance, an_interactive_unit_that_stays_open_too_long_is_rolled_back) {
  auto unit = db().sql()->begin({}, 200ms);
  unit->execute({.text = "insert into parts (id, version, position, body, sku) values ('p1', 1, 0, '{}', 'a-1')"});
  db().commit({.documents = {insert_part("p2", {.sku = "a-2"})}});  // where there is one writer, waits until the bound is over
  const auto over = std::chrono::steady_clock::now() + 200ms;
  while (std::chrono::steady_clock::now() < over) db().count(parts(), {});
  EXPECT_EQ(refusal_kind([&] { unit->commit({}); }), error_kind::deadline_exceeded);
  EXPECT_EQ(ids(db().find(parts(), {.where = {}})), strings{"p2"});
}

}  // namespace mamey::testing
