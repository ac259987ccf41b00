// Values of every kind at every edge, as rows: what a store takes it gives back, and sorts and finds as the type does.

#include <algorithm>
#include <chrono>

#include <mamey/core/decimal.hpp>
#include <mamey/core/error.hpp>
#include <mamey/core/time.hpp>
#include <mamey/domain/repository.hpp>
#include <mamey/domain/table_mapping.hpp>

#include "../support/every_value.hpp"
#include "store_conformance.hpp"

namespace mamey::testing {
namespace {

using strings = std::vector<std::string>;

struct moment {
  std::string id;
  timestamp at;
  ticks wait{};
  std::optional<std::chrono::system_clock::time_point> seen;
  offset_timestamp local;
  static constexpr auto indexes() { return indexed<&moment::at, &moment::wait, &moment::seen, &moment::local>; }
};

moment moment_at(std::string id, timestamp at) {
  return {.id = std::move(id),
          .at = at,
          .wait = at.time_since_epoch(),
          .seen = std::chrono::system_clock::time_point(at.time_since_epoch()),
          .local = {at, std::chrono::minutes(90)}};
}

template <class Models>
strings ids_of(const Models& found) {
  strings all;
  for (const auto& each : found) all.push_back(each.id);
  return all;
}

/// A table that somebody made with a column for each member, of the kind that its values want.
collection mapped_values() {
  auto made = read_model_collection<every_value>();
  made.name = "mapped_values";
  made.columns.clear();
  detail::map_collection(made, {.table = "mapped_values"}, model_of<std::string>());
  return made;
}

/// What a mapped row may give back of a value: columns that hold microseconds have cut the rest, and those of a type for times keep no offset.
every_value as_columns_keep(every_value value, bool cuts_times, bool has_time_type) {
  if (!cuts_times) return value;
  using std::chrono::microseconds, std::chrono::floor;
  value.at = floor<microseconds>(value.at);
  value.local.instant = floor<microseconds>(value.local.instant);
  if (has_time_type) value.local.offset = std::chrono::minutes(0);
  if (value.maybe_at) value.maybe_at = floor<microseconds>(*value.maybe_at);
  if (value.at_microseconds == value.at_microseconds.max())
    value.at_microseconds = floor<microseconds>(from_unix_microseconds(std::numeric_limits<std::int64_t>::max()));
  if (value.at_system != value.at_system.max() && value.at_system != value.at_system.min())
    value.at_system = floor<microseconds>(value.at_system);
  return value;
}

/// A database may write JSON with other white space.
every_value without_blanks(every_value value) {
  std::erase(value.anything.text, ' ');
  return value;
}

}  // namespace

void value_conformance::prepare(const collection& of) {
  const collection* const all[] = {&of};
  db().prepare(all);
}

/// Puts values, and expects each back as it was, alone and among the others, unless it is refused with the member.
void value_conformance::expect_the_law(const collection& in, std::uint64_t seed) {
  every_edge edges(seed);
  std::vector<every_value> kept;
  for (int i = 0; i < 120; ++i) {
    auto value = edges.next(i % 2 == 0 ? 0 : 60);
    value.id = "v" + std::to_string(1000 + i);
    document_write change{.into = &in, .kind = write_kind::insert, .content = {.id = value.id, .body = {}, .columns = {}}};
    try {
      fill_document(change.content, in, &value);
      unit_of_work unit(db());
      unit.write(std::move(change));
      db().commit({.documents = unit.take_writes()});
    } catch (const validation_error& refused) {
      for (const auto& each : refused.violations()) EXPECT_FALSE(each.path.empty()) << each.message;
      EXPECT_TRUE(i % 2 == 1 || value.huge > std::uint64_t{1} << 63U)
          << refused.violations()[0].path << " " << refused.violations()[0].message;
      continue;
    }
    kept.push_back(as_columns_keep(value, in.mapped && db().cuts_times(), type_for(column_content::boolean) == "boolean"));
  }
  EXPECT_GT(kept.size(), 60U);
  const auto found = db().find(in, {.where = {}, .limit = 1000});
  ASSERT_EQ(found.size(), kept.size());
  for (std::size_t i = 0; i < kept.size(); ++i) {
    for (const auto& row : {found[i], db().load(in, kept[i].id).value()}) {
      every_value again;
      ASSERT_NO_THROW(read_document(row, in, &again)) << json::to_string(kept[i]);
      EXPECT_TRUE(is_same(without_blanks(kept[i]), without_blanks(again))) << json::to_string(kept[i]) << "\n" << json::to_string(again);
    }
  }
}

std::string value_conformance::wide_type_for(column_content content) const {
  if (type_for(column_content::boolean) != "boolean") return type_for(content);
  switch (content) {
    case column_content::integer:
      return "bigint";
    case column_content::decimal:
      return "numeric";
    case column_content::text:
      return "text";
    default:
      return type_for(content);
  }
}

TEST_P(value_conformance, times_and_durations_sort_and_compare_in_a_query_as_they_do_in_the_type) {
  prepare(read_model_collection<moment>());
  using std::chrono::microseconds;
  const timestamp start = std::chrono::sys_days(std::chrono::year(2026) / 1 / 31) + std::chrono::hours(12);
  const std::pair<std::string, microseconds> stamps[] = {
      {"g", microseconds(1'000'000)}, {"b", microseconds(1)},       {"e", microseconds(500'000)}, {"a", microseconds(0)},
      {"d", microseconds(250'001)},   {"c", microseconds(250'000)}, {"f", microseconds(999'999)}, {"0", -std::chrono::days(60'000)}};
  const strings sorted{"0", "a", "b", "c", "d", "e", "f", "g"};
  const auto check = [&](unit_of_work& unit) {
    const read_models<moment> moments(unit);
    for (const auto* by : {"at", "wait", "seen", "local"}) {
      EXPECT_EQ(ids_of(moments.list({}, {.order_by = by, .sort_order = "asc"}).items), sorted) << by;
      EXPECT_EQ(ids_of(moments.list({}, {.order_by = by, .sort_order = "desc"}).items), strings(sorted.rbegin(), sorted.rend())) << by;
      strings seen;
      cursor_paging asked{.after = {}, .results_per_page = 3, .order_by = by, .sort_order = "asc"};
      for (int page = 0; page < 4; ++page) {
        const auto found = moments.scroll({}, asked);
        for (const auto& each : found.items) seen.push_back(each.id);
        if (!found.next) break;
        asked.after = *found.next;
      }
      EXPECT_EQ(seen, sorted) << by;
    }
    for (const auto& [id, after] : stamps) {
      const auto wanted = moment_at(id, start + after);
      EXPECT_EQ(ids_of(moments.list({where<&moment::at>(wanted.at)}).items), strings{id});
      EXPECT_EQ(ids_of(moments.list({where<&moment::wait>(wanted.wait)}).items), strings{id});
      EXPECT_EQ(ids_of(moments.list({where<&moment::seen>(wanted.seen)}).items), strings{id});
      EXPECT_EQ(ids_of(moments.list({where<&moment::local>(offset_timestamp{wanted.at})}).items), strings{id}) << "by its instant";
      const auto found = moments.get(id);
      EXPECT_EQ(found.local.offset, std::chrono::minutes(90)) << "and keeps its offset";
    }
  };
  {  // half of them stored, half of them recorded only
    std::size_t i = 0;
    unit_of_work first(db());
    for (; i < 4; ++i) read_models<moment>(first).put(moment_at(stamps[i].first, start + stamps[i].second));
    db().commit({.documents = first.take_writes()});
    unit_of_work unit(db());
    for (; i < std::size(stamps); ++i) read_models<moment>(unit).put(moment_at(stamps[i].first, start + stamps[i].second));
    check(unit);
    db().commit({.documents = unit.take_writes()});
  }
  unit_of_work later(db());
  check(later);
}

TEST_P(value_conformance, what_a_column_cannot_hold_of_a_time_is_cut_before_and_after_the_commit_alike) {
  prepare(read_model_collection<moment>());
  const timestamp start = std::chrono::sys_days(std::chrono::year(2026) / 1 / 31);
  const auto check = [&](unit_of_work& unit) {
    const read_models<moment> moments(unit);
    EXPECT_EQ(moments.get("a").at, start + ticks(19)) << "the body keeps all of it";
    EXPECT_EQ(moments.list({where<&moment::at>(start + ticks(19))}).total_results, db().cuts_times() ? 2 : 1);
    EXPECT_EQ(moments.list({where<&moment::at>(start + ticks(15))}).total_results, db().cuts_times() ? 2 : 0);
    EXPECT_EQ(ids_of(moments.list({}, {.order_by = "at", .sort_order = "asc"}).items),
              (db().cuts_times() ? strings{"a", "b", "c"} : strings{"b", "a", "c"}));
  };
  unit_of_work unit(db());
  read_models<moment> moments(unit);
  moments.put(moment_at("a", start + ticks(19)));
  moments.put(moment_at("b", start + ticks(10)));
  moments.put(moment_at("c", start + ticks(20)));
  check(unit);
  db().commit({.documents = unit.take_writes()});
  unit_of_work later(db());
  check(later);
}

TEST_P(value_conformance, columns_that_an_earlier_release_wrote_as_short_as_they_got_are_written_anew_at_the_start) {
  const auto& in = read_model_collection<moment>();
  prepare(in);
  const timestamp start = std::chrono::sys_days(std::chrono::year(2026) / 1 / 31);
  const std::pair<std::string, ticks> stamps[] = {
      {"c", ticks(2'500'000)}, {"a", ticks(0)}, {"d", ticks(10'000'000)}, {"b", ticks(1'234'560)}};
  {
    unit_of_work unit(db());
    for (const auto& [id, after] : stamps) {
      auto each = moment_at(id, start + after);
      each.wait = after - std::chrono::milliseconds(200);
      read_models<moment>(unit).put(each);
    }
    db().commit({.documents = unit.take_writes()});
  }
  const bool times_are_texts = type_for(column_content::boolean) != "boolean";
  for (const auto& [id, after] : stamps) {
    const auto time = format_timestamp(start + after), wait = format_duration(after - std::chrono::milliseconds(200));
    const auto times = times_are_texts ? ", at = '" + time + "', seen = '" + time + "', local = '" + time + "'" : "";
    db().commit({.statements = {{.text = "update moments set wait = '" + wait + "'" + times + " where id = '" + id + "'"}}});
  }
  for (int starts = 0; starts < 2; ++starts) {
    prepare(in);
    unit_of_work unit(db());
    const read_models<moment> moments(unit);
    for (const auto* by : {"at", "wait", "seen", "local"})
      EXPECT_EQ(ids_of(moments.list({}, {.order_by = by, .sort_order = "asc"}).items), (strings{"a", "b", "c", "d"})) << by;
    EXPECT_EQ(ids_of(moments.list({where<&moment::at>(start + ticks(2'500'000))}).items), strings{"c"});
    EXPECT_EQ(ids_of(moments.list({where<&moment::wait>(ticks(-2'000'000))}).items), strings{"a"});
  }
}

TEST_P(value_conformance, what_is_stored_as_a_document_is_read_again_as_it_was_or_refused_when_written) {
  prepare(read_model_collection<every_value>());
  expect_the_law(read_model_collection<every_value>(), 3);
}

TEST_P(value_conformance, what_is_stored_in_columns_is_read_again_as_it_was_or_refused_when_written) {
  static const auto in = mapped_values();
  std::string columns = "\"id\" " + wide_type_for(column_content::text) + " not null primary key";
  for (const auto& each : in.mapped->others)
    columns += ", \"" + each.name + "\" " + wide_type_for(content_of(each.member->type(), in.mapped->enums));
  db().commit({.statements = {{.text = "create table mapped_values (" + columns + ")"}}});
  prepare(in);
  expect_the_law(in, 4);
}

TEST_P(value_conformance, texts_that_no_store_keeps_are_refused_by_every_store_alike) {
  prepare(read_model_collection<moment>());
  for (const auto& id : {std::string("a\0b", 3), std::string("a\xff")}) {
    unit_of_work unit(db());
    try {
      read_models<moment>(unit).put({.id = id});
      ADD_FAILURE() << "it was taken";
    } catch (const validation_error& refused) {
      EXPECT_EQ(refused.violations().at(0).path, "id");
    }
  }
}

struct priced {
  std::string id;
  decimal price;
  std::optional<decimal> was;
  static constexpr auto indexes() { return indexed<&priced::price, &priced::was>; }
};
struct one_price {
  std::string id;
  decimal price;
  static constexpr auto unique_indexes() { return indexed<&one_price::price>; }
};

/// From the least to the greatest, each in more than one spelling.
const std::vector<std::vector<std::string>>& prices() {
  static const std::vector<std::vector<std::string>> all{{"-79228162514264337593543950335"},
                                                         {"-10", "-10.0", "-10.00"},
                                                         {"-9.999"},
                                                         {"-1.5", "-1.50"},
                                                         {"-0.0000000000000000000000000001"},
                                                         {"0", "0.00"},
                                                         {"0.0000000000000000000000000001"},
                                                         {"0.1000000000000000000001", "0.10000000000000000000010"},
                                                         {"0.1000000000000000000002"},
                                                         {"1.5", "1.50", "1.500"},
                                                         {"2", "2.0"},
                                                         {"10", "10.0"},
                                                         {"9999999999999999.9999"},
                                                         {"10000000000000000"},
                                                         {"79228162514264337593543950335"}};
  return all;
}

TEST_P(value_conformance, equal_decimals_are_one_value_and_all_sort_as_numbers) {
  prepare(read_model_collection<priced>());
  std::vector<std::pair<std::string, decimal>> rows;
  for (const auto& spellings : prices()) {
    for (const auto& each : spellings) rows.emplace_back("p" + std::to_string(100 + rows.size()), decimal(each));
  }
  const auto check = [&](unit_of_work& unit) {
    const read_models<priced> all(unit);
    for (const auto& spellings : prices()) {
      for (const auto& each : spellings) {
        EXPECT_EQ(all.list({where<&priced::price>(decimal(each))}).total_results, std::ssize(spellings)) << each;
        EXPECT_EQ(all.list({where<&priced::was>(decimal(each))}).items.size(), spellings.size()) << each;
      }
    }
    for (const auto* by : {"price", "was"}) {
      for (const auto* direction : {"asc", "desc"}) {
        auto sorted = rows;
        if (direction == std::string("desc")) std::ranges::reverse(sorted);
        strings expected;
        for (const auto& each : sorted) expected.push_back(each.first);
        EXPECT_EQ(ids_of(all.list({}, {.results = 100, .order_by = by, .sort_order = direction}).items), expected) << by << direction;
        strings scrolled;
        cursor_paging place{.results_per_page = 1, .order_by = by, .sort_order = direction};
        for (std::size_t i = 0; i <= rows.size(); ++i) {
          const auto page = all.scroll({}, place);
          for (const auto& each : page.items) scrolled.push_back(each.id);
          if (!page.next) break;
          place.after = *page.next;
        }
        EXPECT_EQ(scrolled, expected) << by << direction;
      }
    }
    EXPECT_EQ(to_string(all.get("p102").price), "-10.0") << "the body keeps the places";
  };
  const auto put = [&](unit_of_work& unit, std::size_t from, std::size_t end) {
    for (auto i = from; i < end; ++i) read_models<priced>(unit).put({.id = rows[i].first, .price = rows[i].second, .was = rows[i].second});
  };
  {
    unit_of_work first(db());
    put(first, 0, 9);
    db().commit({.documents = first.take_writes()});
    unit_of_work half(db());
    put(half, 9, rows.size());
    check(half);
    db().commit({.documents = half.take_writes()});
  }
  unit_of_work later(db());
  check(later);
  later.sql().query({.text = "select id, price from priceds where id in ('p102', 'p114')"}, [&](const sql_row& row) {
    EXPECT_EQ(row.get<decimal>("price"), row.get<std::string>("id") == "p102" ? decimal("-10") : decimal("1.5"))
        << row.get<std::string>("price");
  });
}

TEST_P(value_conformance, a_unique_decimal_is_taken_whatever_its_spelling) {
  prepare(read_model_collection<one_price>());
  const auto put = [&](std::string id, const char* price) {
    unit_of_work unit(db());
    read_models<one_price>(unit).put({.id = std::move(id), .price = decimal(price)});
    db().commit({.documents = unit.take_writes()});
  };
  put("a", "1.5");
  put("b", "-1.5");
  EXPECT_THROW(put("c", "1.50"), concurrency_conflict);
  EXPECT_THROW(put("d", "-1.500"), concurrency_conflict);
  EXPECT_NO_THROW(put("a", "1.500"));
}

TEST_P(value_conformance, decimals_that_an_earlier_release_wrote_are_written_anew_at_the_start) {
  const auto& in = read_model_collection<priced>();
  prepare(in);
  for (const auto* each : {"10.00", "2.0", "-1.50", "-10"}) {
    unit_of_work unit(db());
    read_models<priced>(unit).put({.id = each, .price = decimal(each)});
    db().commit({.documents = unit.take_writes()});
    if (type_for(column_content::decimal) == "TEXT")
      db().commit({.statements = {{.text = std::string("update priceds set price = '") + each + "' where id = '" + each + "'"}}});
  }
  for (int starts = 0; starts < 2; ++starts) {
    prepare(in);
    unit_of_work unit(db());
    const read_models<priced> all(unit);
    EXPECT_EQ(ids_of(all.list({}, {.order_by = "price", .sort_order = "asc"}).items), (strings{"-10", "-1.50", "2.0", "10.00"}));
    EXPECT_EQ(ids_of(all.list({where<&priced::price>(decimal("2"))}).items), strings{"2.0"});
  }
}

struct one_price_before {
  static constexpr const char* collection = "one_prices";
  std::string id;
  decimal price;
};

TEST_P(value_conformance, a_unique_index_over_rows_with_one_value_names_the_place_and_the_remedy_and_no_value) {
  prepare(read_model_collection<one_price_before>());
  unit_of_work unit(db());
  for (const auto* id : {"a", "b"})
    read_models<one_price_before>(unit).put({.id = id, .price = decimal(id == std::string("a") ? "47.5" : "47.50")});
  db().commit({.documents = unit.take_writes()});
  try {
    prepare(read_model_collection<one_price>());
    ADD_FAILURE() << "it was made";
  } catch (const error& refused) {
    const std::string said = refused.what();
    EXPECT_EQ(refused.code(), "not_unique");
    EXPECT_NE(said.find("a unique index on the column price of the table one_prices cannot be made"), std::string::npos) << said;
    EXPECT_NE(said.find("select price, count(*) from one_prices group by price having count(*) > 1"), std::string::npos) << said;
    EXPECT_EQ(said.find("47"), std::string::npos) << said;
  }
}

TEST_P(value_conformance, plain_sql_takes_null_and_empty_optionals_as_null_and_names_the_table_of_a_taken_value) {
  db().commit({.statements = {{.text = "create table words (word text unique, meaning text)"}}});
  const auto insert = [&](sql_value word, sql_value meaning) {
    db().commit(
        {.statements = {{.text = "insert into words (word, meaning) values (?, ?)", .parameters = {std::move(word), std::move(meaning)}}}});
  };
  insert("a", nullptr);
  insert("b", std::optional<std::string>());
  insert("c", std::optional<std::string>("sea"));
  int empty = 0;
  db().sql()->query({.text = "select meaning from words where word <> ? order by word", .parameters = {"c"}},
                    [&](const sql_row& row) { empty += row.get<std::optional<std::string>>(0) ? 0 : 1; });
  EXPECT_EQ(empty, 2);
  try {
    insert("a", nullptr);
    ADD_FAILURE() << "it was taken";
  } catch (const concurrency_conflict& refused) {
    EXPECT_EQ(std::string(refused.what()), "words: word is already taken");
  }
}

TEST_P(value_conformance, a_query_that_writes_is_a_mistake_in_code_with_a_sentence) {
  db().commit({.statements = {{.text = "create table counted (n integer)"}}});
  try {
    db().sql()->query({.text = "insert into counted (n) values (1) returning n"}, [](const sql_row&) {});
    ADD_FAILURE() << "it wrote";
  } catch (const error& refused) {
    EXPECT_EQ(refused.kind(), error_kind::internal);
    EXPECT_EQ(refused.code(), "query_writes");
    EXPECT_NE(std::string(refused.what()).find("database::query only reads"), std::string::npos) << refused.what();
  }
}

}  // namespace mamey::testing
