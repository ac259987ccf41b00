#include "mapping_conformance.hpp"

namespace mamey::testing {

using namespace std::chrono_literals;
using strings = std::vector<std::string>;

TEST_P(mapping_conformance, an_aggregate_lies_in_the_columns_of_a_table_and_comes_back_whole) {
  make_parcels();
  const parcel_state written{.sender = id_of(9),
                             .price = decimal("20.50"),
                             .sent_at = wall_time(1'767'323'045'600'000us),
                             .kind = parcel_kind::on_pallet,
                             .fragile = true,
                             .weight = 0.25,
                             .note = "b\"ö\n",
                             .insured = decimal("99.99"),
                             .stops = {{"Brno", 5}, {"Graz", 7}},
                             .seal = {0, 255, 7}};
  add({parcel(id_of(1), written), parcel(id_of(2), {})});
  EXPECT_EQ(value("select \"Kind\" from \"Parcels\" where \"Weight\" = 0.25"), sql_value(std::int64_t{2}));
  EXPECT_EQ(value("select \"Clerk\" from \"Parcels\" where \"Weight\" = 0.25"), sql_value(std::string("nobody")));
  EXPECT_EQ(value("select \"Seal\" from \"Parcels\" where \"Weight\" = 0.25"),
            sql_value(std::vector<std::byte>{std::byte{0}, std::byte{255}, std::byte{7}}));
  const auto whole = get(1);
  EXPECT_EQ(json::to_string(whole.state()), json::to_string(written));
  EXPECT_EQ(whole.version(), 1);
  const auto empty = get(2);
  EXPECT_FALSE(empty.state().note);
  EXPECT_FALSE(empty.state().insured);
  EXPECT_TRUE(empty.state().stops.empty());
  unit_of_work unit(db());
  EXPECT_FALSE(repository<parcel>(unit).find(id_of(3)));
}

TEST_P(mapping_conformance, a_row_of_somebody_else_is_changed_under_its_version_and_keeps_what_is_not_mapped) {
  make_parcels();
  insert_as_somebody_else(1, "null");
  insert_as_somebody_else(2, "0");
  insert_as_somebody_else(3, "41");
  for (const auto& [number, version] : std::vector<std::pair<int, int>>{{1, 0}, {2, 0}, {3, 41}}) {
    auto found = get(number), stale = get(number), left_over = get(number);
    EXPECT_EQ(found.version(), version);
    EXPECT_EQ(found.state().price, decimal("7"));
    EXPECT_EQ(found.state().kind, parcel_kind::box);
    EXPECT_TRUE(found.state().fragile);
    EXPECT_EQ(found.state().sent_at, wall_time(1'767'323'045s));
    EXPECT_TRUE(found.state().stops.empty());
    in_unit([&](repository<parcel>& parcels) {
      found.state_to_change().weight = 3;
      parcels.save(found);
      found.state_to_change().weight = 4;
      parcels.save(found);
    });
    EXPECT_EQ(get(number).version(), version + 1);
    EXPECT_EQ(get(number).state().weight, 4);
    EXPECT_EQ(refusal_kind([&] { in_unit([&](repository<parcel>& parcels) { parcels.save(stale); }); }), error_kind::concurrency_conflict);
    EXPECT_EQ(refusal_kind([&] { in_unit([&](repository<parcel>& parcels) { parcels.remove(left_over); }); }),
              error_kind::concurrency_conflict);
  }
  EXPECT_EQ(value("select count(*) from \"Parcels\" where \"Clerk\" = 'ada'"), sql_value(std::int64_t{3}));
  insert_as_somebody_else(4, "null");
  for (const int number : {1, 4}) {
    auto last = get(number);
    in_unit([&](repository<parcel>& parcels) { parcels.remove(last); });
  }
  EXPECT_EQ(value("select count(*) from \"Parcels\""), sql_value(std::int64_t{2}));
}

TEST_P(mapping_conformance, an_id_that_is_there_is_a_concurrency_conflict) {
  make_parcels();
  insert_as_somebody_else(1, "null");
  EXPECT_EQ(refusal_kind([&] { add({parcel(id_of(1), {})}); }), error_kind::concurrency_conflict);
}

TEST_P(mapping_conformance, an_interactive_unit_reads_and_writes_it_as_well) {
  make_parcels();
  insert_as_somebody_else(1, "null");
  auto open = db().sql()->begin({}, 10s);
  unit_of_work unit(*open);
  repository<parcel> parcels(unit);
  auto found = parcels.get(id_of(1));
  found.state_to_change().note = "in a transaction";
  parcels.save(found);
  open->commit({.documents = unit.take_writes()});
  EXPECT_EQ(get(1).state().note, "in a transaction");
}

TEST_P(mapping_conformance, rows_are_found_by_declared_members_sorted_and_in_pages) {
  make_parcels();
  std::vector<parcel> all;
  for (int i = 1; i < 8; ++i) {
    all.push_back(parcel(id_of(i), {.sender = id_of(i % 2),
                                    .price = decimal(i < 4 ? "100.5" : "20.50"),
                                    .sent_at = wall_time(std::chrono::seconds(i * 7 % 5)),
                                    .kind = i % 3 == 0 ? parcel_kind::box : parcel_kind::letter,
                                    .note = i == 5 ? std::nullopt : std::optional<std::string>("n" + std::to_string(9 - i))}));
  }
  add(all);
  unit_of_work unit(db());
  const repository<parcel> parcels(unit);
  const auto list = [&](const member_condition<parcel_state>& where, const paging& asked = {}) {
    return ids(parcels.list(where, asked).items);
  };
  EXPECT_EQ(list({where<&parcel_state::kind>(parcel_kind::box)}), (strings{"3", "6"}));
  EXPECT_EQ(list({where<&parcel_state::sender>(id_of(1)), where<&parcel_state::note>(std::string("n2"))}), strings{"7"});
  EXPECT_EQ(list({}, {.order_by = "price", .sort_order = "asc"}), (strings{"4", "5", "6", "7", "1", "2", "3"}));
  EXPECT_EQ(list({}, {.page = 2, .results_per_page = 2, .order_by = "note", .sort_order = "asc"}), (strings{"6", "4"}));
  EXPECT_EQ(parcels.list({where<&parcel_state::sender>(id_of(1))}, {.results_per_page = 1}).total_results, 4);
  EXPECT_EQ(list({}, {.results_per_page = 3, .order_by = "Weight", .sort_order = "asc"}), (strings{"1", "2", "3"}))
      << "not declared: sorted by the unit of work";
  EXPECT_EQ(refusal_kind([&] { list({}, {.order_by = "stops"}); }), error_kind::validation) << "a list has no order";
  for (const auto* order_by : {"", "note", "price", "kind", "sender", "sentAt"}) {
    for (const auto* sort_order : {"asc", "desc"}) {
      strings seen;
      cursor_paging asked{.after = {}, .results_per_page = 2, .order_by = order_by, .sort_order = sort_order};
      for (int page = 0; page < 5; ++page) {
        const auto found = parcels.scroll({}, asked);
        for (const auto& each : ids(found.items)) seen.push_back(each);
        if (!found.next) break;
        asked.after = *found.next;
      }
      EXPECT_EQ(seen, list({}, {.results_per_page = 100, .order_by = order_by, .sort_order = sort_order})) << order_by << " " << sort_order;
    }
  }
}

TEST_P(mapping_conformance, a_handler_finds_what_it_has_changed) {
  make_parcels();
  add({parcel(id_of(1), {.price = decimal("20.5")}), parcel(id_of(2), {.price = decimal("3"), .kind = parcel_kind::box})});
  unit_of_work unit(db());
  repository<parcel> parcels(unit);
  auto first = parcels.get(id_of(1));
  first.state_to_change().kind = parcel_kind::box;
  parcels.save(first);
  parcel third(id_of(3), {.price = decimal("20.50"), .kind = parcel_kind::box});
  parcels.add(third);
  const auto boxes = parcels.list({where<&parcel_state::kind>(parcel_kind::box)}, {.order_by = "price", .sort_order = "asc"});
  EXPECT_EQ(ids(boxes.items), (strings{"2", "1", "3"}));
  EXPECT_EQ(boxes.total_results, 3);
  EXPECT_EQ(parcels.list({where<&parcel_state::price>(decimal("20.5"))}).total_results, 2);
  EXPECT_EQ(parcels.get(id_of(3)).state().price, decimal("20.50"));
}

TEST_P(mapping_conformance, a_read_model_may_show_the_same_table) {
  make_parcels();
  insert_as_somebody_else(1, "5");
  const collection* const all[] = {&read_model_collection<parcel_view>()};
  db().prepare(all);
  unit_of_work unit(db());
  read_models<parcel_view> views(unit);
  const auto view = views.get(id_of(1));
  EXPECT_EQ(view.id, id_of(1));
  EXPECT_EQ(view.kind, parcel_kind::box);
}

TEST_P(mapping_conformance, a_read_model_is_put_into_a_table_of_somebody_else) {
  make_lockers();
  execute("insert into lockers values (9, 'hall', 'on_pallet', 4)");
  const collection* const all[] = {&read_model_collection<locker_view>()};
  db().prepare(all);
  unit_of_work unit(db());
  read_models<locker_view> views(unit);
  views.put({.id = 9, .place = "yard"});
  views.put({.id = 10, .place = "street"});
  views.put({.id = 11, .place = "street"});
  views.remove(11);
  db().commit({.documents = unit.take_writes()});
  EXPECT_EQ(value("select place from lockers where number = 9"), sql_value(std::string("yard")));
  EXPECT_EQ(value("select largest from lockers where number = 9"), sql_value(std::string("on_pallet")));
  EXPECT_EQ(value("select count(*) from lockers"), sql_value(std::int64_t{2}));
}

TEST_P(mapping_conformance, without_a_version_column_the_last_write_wins_and_numbers_are_ids) {
  make_lockers();
  execute("insert into lockers values (9, 'hall', 'on_pallet', null)");
  execute("insert into lockers values (10, 'yard', null, 4)");
  unit_of_work unit(db());
  repository<locker> lockers(unit);
  auto nine = lockers.get(9), ten = lockers.get(10);
  EXPECT_EQ(nine.state().largest, parcel_kind::on_pallet);
  EXPECT_EQ(ten.state().largest, parcel_kind::letter) << "null leaves what the state begins with";
  EXPECT_EQ(ten.position(), 4);
  auto older = nine;
  nine.move("yard");
  lockers.save(nine);
  older.move("street");
  lockers.save(older);
  locker hundred(100, "yard");
  lockers.add(hundred);
  const auto found = lockers.list({}, {}).items;
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].id(), 9);
  EXPECT_EQ(found[2].id(), 100) << "numbers are sorted as numbers";
  db().commit({.documents = unit.take_writes()});
  EXPECT_EQ(value("select place from lockers where number = 9"), sql_value(std::string("street")));
  EXPECT_EQ(value("select events from lockers where number = 9"), sql_value(std::int64_t{1}));
  EXPECT_EQ(value("select largest from lockers where number = 100"), sql_value(std::string("on_pallet")));
  execute("delete from lockers where number = 9");
  unit_of_work later(db());
  repository<locker>(later).save(nine);
  EXPECT_EQ(refusal_kind([&] { db().commit({.documents = later.take_writes()}); }), error_kind::concurrency_conflict);
}

TEST_P(mapping_conformance, a_value_that_the_type_does_not_have_is_told_with_its_column) {
  make_parcels();
  insert_as_somebody_else(1, "1");
  execute("update \"Parcels\" set \"Kind\" = 300");
  try {
    get(1);
    FAIL() << "300 is no kind";
  } catch (const error& refused) {
    EXPECT_EQ(refused.code(), "stored_document_unreadable");
    EXPECT_NE(refused.reason().find("Kind"), std::string::npos) << refused.reason();
    EXPECT_NE(refused.reason().find("letter"), std::string::npos) << refused.reason();
  }
}

TEST_P(mapping_conformance, values_that_only_others_can_write_spoil_no_list) {
  make_parcels();
  add({parcel(id_of(1), {.sent_at = timestamp(std::chrono::seconds(7))}),
       parcel(id_of(8), {.sent_at = timestamp(std::chrono::seconds(9))})});
  for (const int number : {2, 3, 4, 5, 6}) insert_as_somebody_else(number, "1");
  const auto set = [&](int number, const std::string& what) {
    execute("update \"Parcels\" set " + what + " where \"Id\" = '" + text_of_id(number) + "'");
  };
  set(2, "\"SentAt\" = 'infinity'");
  set(3, "\"SentAt\" = '-infinity'");
  set(4, "\"Price\" = 'NaN'");
  set(5, "\"Weight\" = 'NaN'");
  set(6, "\"Kind\" = 300");
  strings told;
  const unreadable_rows rules{.left_out = [&](const collection&, std::span<const std::string> ids, std::string_view) {
    for (const auto& each : ids) told.push_back(each.substr(35));
  }};
  unit_of_work unit(db(), &rules);
  const repository<parcel> parcels(unit);
  EXPECT_EQ(ids(parcels.list({}).items), (strings{"1", "8"}));
  EXPECT_EQ(told, (strings{"2", "3", "4", "5", "6"}));
  for (const auto* order_by : {"", "sentAt", "price", "weight", "kind", "note"}) {
    for (const auto* sort_order : {"asc", "desc"}) {
      strings seen;
      cursor_paging asked{.after = {}, .results_per_page = 1, .order_by = order_by, .sort_order = sort_order};
      for (int page = 0; page < 5; ++page) {
        const auto found = parcels.scroll({}, asked);
        for (const auto& each : ids(found.items)) seen.push_back(each);
        if (!found.next) break;
        asked.after = *found.next;
      }
      std::ranges::sort(seen);
      EXPECT_EQ(seen, (strings{"1", "8"})) << order_by << " " << sort_order;
    }
  }
  for (const int number : {2, 3, 4, 5, 6}) EXPECT_EQ(refusal([&] { get(number); }).second, "stored_document_unreadable") << number;
}

TEST_P(mapping_conformance, an_id_that_is_taken_is_told_by_the_member) {
  make_parcels();
  execute("create unique index once on \"Parcels\" (\"Sender\", \"Kind\")");
  add({parcel(id_of(1), {.sender = id_of(5)})});
  const auto said = [&](parcel added) {
    try {
      add({std::move(added)});
    } catch (const concurrency_conflict& taken) {
      return taken.reason();
    }
    return std::string("nothing");
  };
  EXPECT_EQ(said(parcel(id_of(1), {.sender = id_of(6)})), "parcels: id is already taken");
  EXPECT_EQ(said(parcel(id_of(2), {.sender = id_of(5)})), "parcels: sender and kind together are already taken");
}

namespace one {
struct crate {
  std::string id;
  int weight = 0;
  static table_mapping mapping() { return {.table = "crates_one"}; }
};
}  // namespace one
namespace two {
struct crate {
  std::string id;
  std::string label;
  static table_mapping mapping() { return {.table = "crates_two"}; }
};
}  // namespace two

TEST_P(mapping_conformance, two_classes_of_one_name_lie_in_the_tables_that_they_name) {
  const auto text = type_for(column_content::text);
  execute("create table crates_one (id " + text + " primary key, weight " + type_for(column_content::integer) + ")");
  execute("create table crates_two (id " + text + " primary key, label " + text + ")");
  const collection* const all[] = {&read_model_collection<one::crate>(), &read_model_collection<two::crate>()};
  check_tables({all[0], all[1]});
  db().prepare(all);
  unit_of_work unit(db());
  read_models<one::crate> ones(unit);
  read_models<two::crate> twos(unit);
  ones.put({.id = "c", .weight = 7});
  twos.put({.id = "c", .label = "fragile"});
  db().commit({.documents = unit.take_writes()});
  EXPECT_EQ(ones.get("c").weight, 7);
  EXPECT_EQ(twos.get("c").label, "fragile");
  EXPECT_EQ(value("select weight from crates_one"), sql_value(std::int64_t{7}));
  EXPECT_EQ(value("select label from crates_two"), sql_value(std::string("fragile")));
}

TEST_P(mapping_conformance, a_table_that_is_not_there_stops_the_start) {
  const auto reason = refused_mapping(aggregate_collection<parcel>());
  EXPECT_NE(reason.find("\"Parcels\""), std::string::npos) << reason;
  EXPECT_NE(reason.find("does not exist"), std::string::npos) << reason;
}

TEST_P(mapping_conformance, columns_that_are_missing_or_of_another_kind_stop_the_start_all_named) {
  execute("create table lockers (number integer, place " + type_for(column_content::bytes) + ", \"Largest\" " +
          type_for(column_content::text) + ")");
  const auto reason = refused_mapping(aggregate_collection<locker>());
  for (const auto* said :
       {"locker_state does not fit the table \"lockers\"", "\"number\" of the id may hold a value twice",
        "no column \"events\" for the position", "\"place\" of place is ", "no column \"largest\" for largest", "(there is \"Largest\")"}) {
    EXPECT_NE(reason.find(said), std::string::npos) << said << " in " << reason;
  }
  execute("drop table lockers");
  make_lockers();
}

}  // namespace mamey::testing
