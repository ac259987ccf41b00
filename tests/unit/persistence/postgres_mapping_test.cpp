#include <mamey/core/decimal.hpp>
#include <mamey/core/time.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/domain/repository.hpp>

#include "postgres_fixture.hpp"

namespace mamey::testing {

enum class Status : std::uint8_t { placed, on_hold, shipped };

struct OrderLine {
  std::string sku;
  int quantity = 0;
};

// snippet mapping
// In the table of a .NET service, as EF Core has made it.
struct OrderState {
  mamey::uuid customer_id;
  mamey::decimal total;
  Status status = Status::placed;
  mamey::timestamp placed_at{};
  std::optional<std::string> comment;
  std::vector<OrderLine> lines;

  static constexpr auto indexes() { return mamey::indexed<&OrderState::customer_id, &OrderState::placed_at>; }
  static mamey::table_mapping mapping() {
    return {.table = "Orders",
            .schema = "sales",
            .id = "Id",
            .version = "Version",
            .naming = mamey::column_naming::pascal_case,
            .columns = {mamey::column<&OrderState::lines>("LinesJson")}};
  }
};

class Order : public mamey::aggregate<mamey::uuid, OrderState> {
  using aggregate::aggregate;

 public:
  static Order place(const mamey::uuid& id, OrderState state) { return Order(id, std::move(state)); }
  void hold() { change().status = Status::on_hold; }
};
// end mapping

/// Names of enums in a type of the database, and what a view shows.
struct order_view {
  uuid id;
  Status state = Status::placed;
  double total = 0;
  static table_mapping mapping() { return {.table = "order_view", .schema = "sales", .enums = enum_column::snake_case}; }
};

class postgres_mapping : public postgres_fixture {
 protected:
  postgres_mapping() { server_.execute("set client_min_messages = error; drop schema if exists sales cascade; create schema sales"); }
  ~postgres_mapping() override {
    store_.reset();
    server_.execute("set client_min_messages = error; drop schema if exists sales cascade");
  }

  void make_orders(const std::string& total = "numeric(18,2)") {
    server_.execute(
        "create domain sales.remark as varchar(20); create table sales.\"Orders\" (\"Id\" uuid not null, \"CustomerId\" uuid not null, "
        "\"Total\" " +
        total +
        " not null, \"Status\" integer not null, \"PlacedAt\" timestamp with time zone not null, \"Comment\" sales.remark null, "
        "\"LinesJson\" jsonb not null default "
        "'[]', \"CreatedBy\" text not null default 'efcore', constraint \"PK_Orders\" primary key (\"Id\")); create index "
        "\"IX_Orders_CustomerId\" on "
        "sales.\"Orders\" (\"CustomerId\")");
  }
  template <class... Collections>
  std::string start(const Collections&... collections) {
    const collection* const all[] = {&collections...};
    try {
      db().prepare(all);
      return "prepared";
    } catch (const unavailable& refused) {
      EXPECT_EQ(refused.code(), "mapping_refused");
      return refused.reason();
    }
  }
  const uuid id_ = *uuid::parse("0198c0de-0000-7000-8000-000000000001");
};

TEST_F(postgres_mapping, an_order_of_an_ef_core_service_is_changed_in_its_own_table) {
  make_orders();
  EXPECT_EQ(start(aggregate_collection<Order>()),
            "mamey::testing::OrderState does not fit the table \"sales\".\"Orders\": it has no column \"Version\" for the version, "
            "expected bigint, integer or smallint");
  environment_.migrations = {{1, "version", "alter table sales.\"Orders\" add column \"Version\" bigint"}};
  open();
  ASSERT_EQ(start(aggregate_collection<Order>()), "prepared");
  server_.execute("insert into sales.\"Orders\" (\"Id\", \"CustomerId\", \"Total\", \"Status\", \"PlacedAt\", \"LinesJson\") values ('" +
                  to_string(id_) + "', '" + to_string(id_) +
                  "', 12.5, 2, '2026-01-02 03:04:05.678901+02', '[{\"Sku\": \"a-1\", \"Quantity\": 3}]')");
  {
    unit_of_work unit(db());
    repository<Order> orders(unit);
    auto order = orders.get(id_);
    EXPECT_EQ(to_string(order.state().total), "12.50");
    EXPECT_EQ(order.state().status, Status::shipped);
    EXPECT_EQ(format_timestamp(order.state().placed_at), "2026-01-02T01:04:05.678901Z");
    ASSERT_EQ(order.state().lines.size(), 1U);
    EXPECT_EQ(order.state().lines[0].quantity, 3);
    order.hold();
    orders.save(order);
    orders.add(Order::place(
        uuid::v7(),
        {.customer_id = id_, .total = decimal("7.10"), .placed_at = timestamp(std::chrono::seconds(1)), .comment = "O'Hara \"x\""}));
    db().commit({.documents = unit.take_writes()});
  }
  const auto rows = server_.execute(
      "select \"Status\", \"Version\", \"CreatedBy\", \"PlacedAt\" = '2026-01-02 03:04:05.678901+02', \"Comment\", \"Total\" from "
      "sales.\"Orders\" order by \"Total\"");
  EXPECT_EQ(rows, (std::vector<std::vector<std::string>>{{"0", "1", "efcore", "f", "O'Hara \"x\"", "7.10"},
                                                         {"1", "1", "efcore", "t", "", "12.50"}}));
  unit_of_work unit(db());
  const auto found = repository<Order>(unit).list({where<&OrderState::customer_id>(id_)}, {.order_by = "placedAt", .sort_order = "asc"});
  ASSERT_EQ(found.items.size(), 2U);
  EXPECT_EQ(found.items[1].id(), id_);
  EXPECT_EQ(admin("select count(*) from pg_class where relname like '%rders' and relnamespace = current_schema()::regnamespace"), "0")
      << "no table is made for it";
}

TEST_F(postgres_mapping, another_type_of_a_column_is_refused_with_what_was_expected) {
  make_orders("double precision");
  server_.execute(
      "alter table sales.\"Orders\" add column \"Version\" text; alter table sales.\"Orders\" drop constraint \"PK_Orders\"; alter table "
      "sales.\"Orders\" "
      "alter column \"LinesJson\" drop default, alter column \"LinesJson\" type text[] using array['']");
  EXPECT_EQ(start(aggregate_collection<Order>()),
            "mamey::testing::OrderState does not fit the table \"sales\".\"Orders\": column \"Id\" of the id may hold a value twice, "
            "expected a primary key or a unique index on it "
            "alone; column \"Version\" of the version is text, expected bigint, integer or smallint; column \"Total\" of total is double "
            "precision, expected "
            "numeric; column \"LinesJson\" of lines is text[], expected jsonb, json or text");
}

TEST_F(postgres_mapping, a_view_and_an_enum_type_of_the_database_can_be_read) {
  server_.execute(
      "create type sales.status as enum ('placed', 'on_hold', 'shipped'); create table sales.raw (id uuid, state sales.status, total "
      "real); create view "
      "sales.order_view as select * from sales.raw; insert into sales.raw values ('" +
      to_string(id_) + "', 'on_hold', 0.1)");
  ASSERT_EQ(start(read_model_collection<order_view>()), "prepared");
  unit_of_work unit(db());
  const auto found = read_models<order_view>(unit).get(id_);
  EXPECT_EQ(found.state, Status::on_hold);
  EXPECT_EQ(found.total, 0.1);
}

TEST_F(postgres_mapping, columns_of_kindred_types_serve_as_well) {
  struct reading {
    int id = 0;
    std::int64_t small = 0;
    double exact = 0;
    float rough = 0;
    timestamp local{};
    std::chrono::sys_days day{};
    uuid device;
    std::vector<int> values;
    std::map<std::string, int> counts;
    json::raw anything;
    std::string code;
    bool operator==(const reading&) const = default;
    static constexpr auto indexes() { return indexed<&reading::local, &reading::day, &reading::exact>; }
    static table_mapping mapping() { return {}; }
  };
  db();
  admin(
      "create table readings (id smallint unique, small smallint, exact numeric, rough real, local timestamp without time zone, day date, "
      "device text, \"values\" "
      "text, counts json, anything jsonb, code char(3))");
  const reading written{.id = 7,
                        .small = -5,
                        .exact = 0.1,
                        .rough = 0.5F,
                        .local = timestamp(std::chrono::milliseconds(1'500)),
                        .day = std::chrono::sys_days(std::chrono::days(20'000)),
                        .device = id_,
                        .values = {1, 2},
                        .counts = {{"a", 1}},
                        .anything = {.text = "[1, null]"},
                        .code = "abc"};
  ASSERT_EQ(start(read_model_collection<reading>()), "prepared");
  unit_of_work unit(db());
  read_models<reading>(unit).put(written);
  db().commit({.documents = unit.take_writes()});
  unit_of_work later(db());
  const read_models<reading> readings(later);
  EXPECT_EQ(readings.get(7), written);
  EXPECT_EQ(admin("select local || ' ' || day from readings"), "1970-01-01 00:00:01.5 2024-10-04");
  EXPECT_EQ(
      readings.list({where<&reading::local>(written.local), where<&reading::day>(written.day), where<&reading::exact>(0.1)}).total_results,
      1);
  EXPECT_EQ(readings.list({}, {.order_by = "day"}).items.size(), 1U);
  EXPECT_EQ(refusal([&] {
              unit_of_work wide(db());
              read_models<reading>(wide).put({.id = 8, .small = 70'000});
              db().commit({.documents = wide.take_writes()});
            }).second,
            "value_refused");
}

TEST_F(postgres_mapping, what_others_wrote_and_no_type_holds_is_one_unreadable_row_and_told_with_the_column_and_what_it_holds) {
  struct sample {
    int id = 0;
    timestamp at{};
    std::chrono::sys_days day{};
    double exact = 0;
    decimal price;
    static constexpr auto indexes() { return indexed<&sample::at, &sample::exact>; }
    static table_mapping mapping() { return {}; }
  };
  db();
  admin(
      "create table samples (id integer primary key, at timestamptz, day date, exact double precision, price numeric); insert into samples "
      "values "
      "(1, '2026-01-31 12:00:00.25+00', '2026-01-31', 0.5, 1.50), (2, 'infinity', '2026-01-31', 0, 0), (3, '-infinity', '2026-01-31', 0, "
      "0), "
      "(4, '0044-03-15 00:00:00+00 BC', '2026-01-31', 0, 0), (5, '12026-01-31 12:00:00+00', '2026-01-31', 0, 0), (6, '2026-01-31', "
      "'infinity', 0, 0), "
      "(7, '2026-01-31', '2026-01-31', 'NaN', 0), (8, '2026-01-31', '2026-01-31', '-infinity', 0), (9, '2026-01-31', '2026-01-31', 0, "
      "'NaN')");
  ASSERT_EQ(start(read_model_collection<sample>()), "prepared");
  unit_of_work unit(db());
  const read_models<sample> samples(unit);
  for (const auto* by : {"", "at", "exact"}) {
    const auto found = samples.list({}, {.order_by = by});
    ASSERT_EQ(found.items.size(), 1U) << by;
    EXPECT_EQ(found.items[0].id, 1);
    EXPECT_EQ(format_timestamp(found.items[0].at), "2026-01-31T12:00:00.25Z");
  }
  const std::pair<int, std::string> told[] = {
      {2, "the column at of samples holds something else than a date and time (2026-01-31T12:00:00Z): \"infinity\""},
      {3, "\"-infinity\""},
      {4, "\"0044-03-15T00:00:00+00 BC\""},
      {5, "\"12026-01-31T12:00:00+00\""},
      {6, "the column day of samples holds something else than a date (2026-01-31): \"infinity\""},
      {7, "the column exact of samples holds something else than a number: \"nan\""},
      {8, "\"-inf\""},
      {9, "the column price of samples holds something else than a decimal number: \"NaN\""}};
  for (const auto& [id, what] : told) {
    try {
      samples.get(id);
      ADD_FAILURE() << id << " was read";
    } catch (const error& unreadable) {
      EXPECT_EQ(unreadable.code(), "stored_document_unreadable");
      EXPECT_NE(unreadable.reason().find(what), std::string::npos) << unreadable.reason();
    }
  }
}

TEST_F(postgres_mapping, names_are_quoted_and_one_with_nul_is_refused) {
  struct odd {
    std::string id;
    int amount = 0;
    static table_mapping mapping() {
      return {.table = "od\"d; drop table parts; --", .columns = {column<&odd::amount>("a $1 'b' ?\\ \"c\"")}};
    }
  };
  db();
  admin("create table \"od\"\"d; drop table parts; --\" (id text primary key, \"a $1 'b' ?\\ \"\"c\"\"\" bigint)");
  ASSERT_EQ(start(read_model_collection<odd>()), "prepared");
  unit_of_work unit(db());
  read_models<odd> odds(unit);
  odds.put({"'); --", 7});
  db().commit({.documents = unit.take_writes()});
  unit_of_work later(db());
  EXPECT_EQ(read_models<odd>(later).get("'); --").amount, 7);
  EXPECT_EQ(admin("select to_regclass('parts')"), "parts");

  struct cut {
    std::string id;
    static table_mapping mapping() { return {.table = std::string("parts\0x", 7)}; }
  };
  EXPECT_EQ(refusal([&] { start(read_model_collection<cut>()); }).second, "name_unusable");
}

}  // namespace mamey::testing
