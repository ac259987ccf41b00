// Plain SQL with the types of C++: parameters of every reflected type, and rows as structs.

#include <chrono>

#include <mamey/core/decimal.hpp>
#include <mamey/core/error.hpp>
#include <mamey/core/id.hpp>
#include <mamey/core/json.hpp>
#include <mamey/core/time.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/domain/repository.hpp>
#include <mamey/domain/transaction.hpp>

#include "sql_conformance.hpp"
#include "store_examples.hpp"

namespace mamey::testing {
namespace {

using namespace std::chrono_literals;

enum class colour : std::uint8_t { red, dark_blue };
using ThingId = id<struct thing_id_tag>;

struct extent {
  int width = 0, height = 0;
  bool operator==(const extent&) const = default;
};

struct thing {
  ThingId thing_id;
  uuid owner;
  std::string name;
  bool lent = false;
  std::int16_t small = 0;
  std::uint32_t count = 0;
  std::int64_t large = 0;
  double weight = 0;
  decimal price;
  colour shade = colour::red;
  timestamp at{};
  std::chrono::system_clock::time_point seen{};
  std::chrono::sys_days day{};
  std::chrono::milliseconds wait{};
  std::vector<std::uint8_t> seal;
  extent size;
  std::vector<std::string> labels;
  std::optional<std::string> note;
  std::optional<decimal> was;
  std::optional<timestamp> sold_at;
  std::optional<colour> other;
  bool operator==(const thing&) const = default;
};

struct named {
  std::string name;
  std::optional<std::string> note;
};
struct needs_note {
  std::string name;
  std::string note;
};
struct misspelt {
  std::string nmae;
  std::optional<std::string> note;
};

thing example() {
  return {.thing_id = ThingId::generate(),
          .owner = uuid::v7(),
          .name = "O'Hara",
          .lent = true,
          .small = -7,
          .count = 4'000'000'000,
          .large = 9'000'000'000,
          .weight = 0.1,
          .price = decimal("20.50"),
          .shade = colour::dark_blue,
          .at = timestamp(std::chrono::microseconds(1'767'323'045'250'000)),
          .seen = std::chrono::system_clock::time_point(1'767'323'045s),
          .day = std::chrono::sys_days(std::chrono::days(20'000)),
          .wait = 1500ms,
          .seal = {0, 255},
          .size = {3, 4},
          .labels = {"a", "b"},
          .note = "n",
          .was = decimal("-1.50"),
          .sold_at = timestamp(1s),
          .other = colour::red};
}

std::string reason_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const error& refused) {
    return std::string(refused.code()) + ": " + std::string(refused.reason());
  }
  return "nothing was thrown";
}

void expect_all(const std::string& in, std::initializer_list<std::string_view> parts) {
  for (const auto each : parts) EXPECT_NE(in.find(each), std::string::npos) << each << " in " << in;
}

}  // namespace

TEST_P(sql_conformance, a_value_of_every_type_goes_in_as_a_parameter_and_comes_out_in_a_struct) {
  using enum column_content;
  const auto type = [&](column_content content) { return " " + type_for(content); };
  const bool is_sqlite = type_for(boolean) == "INTEGER";
  db().commit(
      {.statements = {{.text = "create table things (thing_id" + type(column_content::uuid) + ", owner" + type(column_content::uuid) +
                               ", name" + type(text) + ", lent" + type(boolean) + ", small" + type(integer) + ", count " +
                               (is_sqlite ? "integer" : "bigint") + ", large " + (is_sqlite ? "integer" : "bigint") + ", weight" +
                               type(real) + ", price" + type(column_content::decimal) + ", shade" + type(text) + ", at" + type(time) +
                               ", seen" + type(time) + ", day" + type(date) + ", wait" + type(text) + ", seal" + type(bytes) + ", size" +
                               type(json) + ", labels" + type(json) + ", note" + type(text) + ", was" + type(column_content::decimal) +
                               ", sold_at" + type(time) + ", other" + type(text) + ")"}}});
  const auto one = example();
  const thing empty{.thing_id = ThingId::generate()};
  unit_of_work unit(db());
  database sql(unit);
  for (const auto& each : {one, empty}) {
    sql.execute("insert into things values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", each.thing_id, each.owner,
                each.name, each.lent, each.small, each.count, each.large, each.weight, each.price, each.shade, each.at, each.seen, each.day,
                each.wait, each.seal, each.size, each.labels, each.note, each.was, each.sold_at, each.other);
  }
  db().commit({.statements = std::move(unit.statements())});
  const auto found = sql.query<thing>("select * from things where thing_id = ? and owner = ? and at = ? and shade = ? and lent = ?",
                                      one.thing_id, one.owner, one.at, one.shade, one.lent);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(mamey::json::to_string(found[0]), mamey::json::to_string(one));
  EXPECT_EQ(sql.query<thing>("select * from things where thing_id = ?", empty.thing_id).at(0), empty);
  EXPECT_EQ(sql.query<std::int64_t>("select count(*) from things"), std::vector<std::int64_t>{2}) << "one column as a value";
  EXPECT_EQ(sql.query<std::optional<std::string>>("select note from things order by note nulls first"),
            (std::vector<std::optional<std::string>>{std::nullopt, "n"}));
  EXPECT_EQ(sql.query<named>("select name, note from things where thing_id = ?", one.thing_id).at(0).name, "O'Hara");
  const sql_statement statement{.text = "select name from things where price = ? and other = ?", .parameters = {one.price, one.other}};
  EXPECT_EQ(sql.query<std::string>(statement).size(), 1U) << "the parameters of a statement take the same types";
}

TEST_P(sql_conformance, an_open_transaction_reads_and_writes_so_too) {
  db().commit({.statements = {{.text = "create table notes (id " + type_for(column_content::uuid) + ", note " +
                                       type_for(column_content::text) + ")"}}});
  const auto open = db().sql()->begin({}, 10s);
  transaction& sql = *open;
  const auto id = uuid::v7();
  EXPECT_EQ(sql.execute("insert into notes (id, note) values (?, ?)", id, std::optional<std::string>("x")), 1);
  EXPECT_EQ(sql.query<std::string>("select note from notes where id = ?", id), std::vector<std::string>{"x"});
  open->rollback();
}

TEST_P(sql_conformance, a_row_that_does_not_fit_the_struct_is_an_error_that_names_column_and_member) {
  unit_of_work unit(db());
  database sql(unit);
  expect_all(reason_of([&] { sql.query<named>("select 'x' as name, null as note, 1 as price"); }),
             {"row_mismatch", "column price", "named", "name, note"});
  expect_all(reason_of([&] { sql.query<named>("select 'x' as name"); }), {"row_mismatch", "named has a member note", "it gives name"});
  expect_all(reason_of([&] { sql.query<misspelt>("select 'x' as name, null as note"); }), {"row_mismatch", "column name", "nmae"});
  expect_all(reason_of([&] { sql.query<named>("select 'x' as name, 'y' as Name, null as note"); }),
             {"row_mismatch", "two columns", "name"});
  expect_all(reason_of([&] { sql.query<needs_note>("select 'x' as name, null as note"); }),
             {"column_mismatch", "column note holds null", "std::optional", "member note of needs_note"});
  expect_all(reason_of([&] { sql.query<extent>("select 1 as width, 'wide' as height"); }),
             {"column_mismatch", "column height", "wide", "member height of extent"});
  expect_all(reason_of([&] { sql.query<int>("select 1, 2"); }), {"row_mismatch", "one column", "2"});
  EXPECT_TRUE(sql.query<misspelt>("select 'x' as name, null as note where 1 = 2").empty()) << "without a row, nothing is wrong with it";
  expect_all(reason_of([&] { sql.query<int>("select ?", std::numeric_limits<std::uint64_t>::max()); }), {"value_too_big"});
}

}  // namespace mamey::testing
