// A handler with SQL that only PostgreSQL understands, in the test harness.

#include <gtest/gtest.h>

#include <mamey/application.hpp>
#include <mamey/persistence/postgres/feature.hpp>
#include <mamey/testing/harness.hpp>

namespace harness_on_postgres {
std::string connection_string();
std::string make_schema();
std::string value(const std::string& sql);
void drop_schema(const std::string& name);
}  // namespace harness_on_postgres

namespace {

using namespace mamey;

struct BookLabelled {
  static constexpr message_options message{.exchange = "shop"};
  uuid book_id;
};
struct LabelBook {
  uuid book_id;
  std::vector<std::string> labels;
};
struct CountLabelled {
  using result = std::int64_t;
  std::string label;
};
struct TakeOne {
  std::string label;
};

void label_book(const LabelBook& command, database& db, publisher& messages) {
  for (const auto& each : command.labels) {
    db.execute(
        "insert into labels (book_id, labels, at) values (?, array[?::text], ?) on conflict (book_id) do update set labels = "
        "array_append(labels.labels, ?::text)",
        command.book_id, each, now_utc(), each);
  }
  messages.publish(BookLabelled{command.book_id});
}
std::int64_t count_labelled(const CountLabelled& query, database& db) {
  return db.query<std::int64_t>("select count(*) from labels where ? = any(labels)", query.label).at(0);
}
void take_one(const TakeOne& command, transaction& open) {
  if (open.query<uuid>("delete from labels where book_id in (select book_id from labels where ? = any(labels) for update skip locked limit "
                       "1) returning book_id",
                       command.label)
          .empty())
    throw conflict("none_left", "no book has the label {}", command.label);
}

application shop() {
  return application("shop")
      .add(postgres({{1, "labels", "create table labels (book_id uuid primary key, labels text[] not null, at timestamptz not null)"}}))
      .add(messaging())
      .add(module("books").commands<label_book, take_one>().queries<count_labelled>());
}

TEST(harness_on_a_server, tests_a_handler_with_the_sql_of_its_database) {
  const auto schema = harness_on_postgres::make_schema();
  {
    const auto connection_string = harness_on_postgres::connection_string();
    // snippet harness-postgres
    mamey::testing::harness tested{shop()};
    tested.keep_store();
    tested.set("postgres:connectionString", connection_string);
    tested.set("postgres:schema", schema);
    // end harness-postgres
    const auto book = uuid::v7();
    tested.send(LabelBook{.book_id = book, .labels = {"red", "old"}});
    EXPECT_EQ(tested.ask(CountLabelled{"old"}), 1);
    EXPECT_EQ(tested.published<BookLabelled>().at(0).book_id, book) << "the outbox of this store was sent";
    EXPECT_EQ(harness_on_postgres::value("select extract(year from at) from " + schema + ".labels"), "2025") << "the harness's clock";
    tested.send(TakeOne{"red"});
    EXPECT_THROW(tested.send(TakeOne{"red"}), conflict);
    EXPECT_EQ(tested.ask(CountLabelled{"old"}), 0);
  }
  harness_on_postgres::drop_schema(schema);
}

}  // namespace
