#include <gtest/gtest.h>

#include <chrono>
#include <fstream>

#include <mamey/application.hpp>
#include <mamey/messaging/store.hpp>
#include <mamey/persistence/sqlite/feature.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/testing/harness.hpp>

#include "../../support/temporary_directory.hpp"

namespace {

using namespace mamey;
using namespace std::chrono_literals;
using mamey::testing::harness;

struct Remind {
  std::string name;
  int days = 0;
};
struct Reminded {
  static constexpr message_options message{.exchange = "reminders"};
  std::string name;
  timestamp at;
};
struct SayReminded {
  std::string name;
};

void remind(const Remind& command, publisher& messages) {
  messages.send_later(SayReminded{command.name}, std::chrono::hours(24 * command.days));
}
void say_reminded(const SayReminded& command, publisher& messages) { messages.publish(Reminded{command.name, now_utc()}); }

module reminders() { return module("reminders").commands<remind, say_reminded>().post<Remind>("/reminders"); }

double seconds_of(const std::function<void()>& work) {
  const auto began = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

TEST(harness_clock, a_month_in_which_nothing_is_due_takes_no_more_than_a_second) {
  harness tested{reminders()};
  tested.send(Remind{"years away", 400});

  EXPECT_LT(seconds_of([&] { tested.advance(24h * 30); }), 1.0);

  EXPECT_TRUE(tested.published<Reminded>().empty());
}

TEST(harness_clock, an_application_that_keeps_the_order_of_its_messages_waits_as_fast) {
  harness tested{reminders()};
  tested.set("outbox:ordered", "true");

  EXPECT_LT(seconds_of([&] { tested.advance(24h * 30); }), 1.0);
}

TEST(harness_clock, what_is_due_after_weeks_happens_at_its_time_and_not_before) {
  harness tested{reminders()};
  const auto began = tested.now();
  tested.send(Remind{"soon", 14});
  tested.send(Remind{"later", 45});

  tested.advance(24h * 14 - 1h);
  EXPECT_TRUE(tested.published<Reminded>().empty());
  tested.advance(2h);
  ASSERT_EQ(tested.published<Reminded>().size(), 1);
  tested.advance(24h * 60);

  const auto all = tested.published<Reminded>();
  ASSERT_EQ(all.size(), 2);
  EXPECT_EQ(all[1].name, "later");
  EXPECT_GE(all[0].at - began, 24h * 14);
  EXPECT_LT(all[0].at - began, 24h * 14 + 1s) << "late";
  EXPECT_GE(all[1].at - began, 24h * 45);
  EXPECT_LT(all[1].at - began, 24h * 45 + 1s) << "late";
}

TEST(harness_clock, the_metrics_follow_after_a_long_silence) {
  harness tested{reminders()};
  tested.set("messaging:publishing", "false");  // what is published stays
  tested.advance(24h * 10);

  tested.send(SayReminded{"a"});
  tested.advance(2s);

  EXPECT_NE(tested.get("/metrics").body.find("mamey_outbox_pending 1"), std::string::npos);
}

TEST(harness_clock, a_test_says_when_it_begins_and_asks_what_time_it_is) {
  harness tested{reminders()};
  const auto leap_day = *parse_timestamp("2028-02-29T23:59:00Z");
  tested.start_at(leap_day);
  EXPECT_EQ(tested.now(), leap_day);

  tested.advance(2min);
  tested.send(SayReminded{"a"});

  const auto said = tested.published<Reminded>().at(0).at;
  EXPECT_EQ(said, leap_day + 2min) << "a message takes no time";
  EXPECT_EQ(tested.now(), leap_day + 2min);
  EXPECT_EQ(format_timestamp(said).substr(0, 10), "2028-03-01");
  EXPECT_THROW(tested.start_at(leap_day), std::logic_error);
}

struct Spin {};
void spin(const Spin&) {
  for (;;) yield();
}

TEST(harness_clock, what_goes_round_and_round_is_told_by_the_call_and_not_by_the_end_of_the_process) {
  {
    harness tested{module("spinning").commands<spin>()};
    try {
      tested.send(Spin{});
      FAIL() << "returned";
    } catch (const std::logic_error& endless) {
      EXPECT_NE(std::string(endless.what()).find("steps without an end"), std::string::npos) << endless.what();
    }
  }
  harness after{reminders()};
  after.send(SayReminded{"b"});
  EXPECT_EQ(after.published<Reminded>().size(), 1);
}

// -- requests -------------------------------------------------------------------------------------------------------------

struct Thing {
  std::string id, text;
};
struct PutThing {
  std::string id, text;
};
struct PatchThing {
  std::string id, text;
};
struct DropThing {
  std::string id;
};
struct GetThing {
  using result = std::optional<Thing>;
  std::string id;
};
void put_thing(const PutThing& command, read_models<Thing>& things) { things.put({command.id, command.text}); }
void patch_thing(const PatchThing& command, read_models<Thing>& things) {
  auto thing = things.get(command.id);
  thing.text += command.text;
  things.put(thing);
}
void drop_thing(const DropThing& command, read_models<Thing>& things) { things.remove(command.id); }
std::optional<Thing> get_thing(const GetThing& query, read_models<Thing>& things) { return things.find(query.id); }

module things() {
  return module("things")
      .commands<put_thing, patch_thing, drop_thing>()
      .queries<get_thing>()
      .put<PutThing>("/things/{id}", created("/things/{id}"))
      .patch<PatchThing>("/things/{id}")
      .del<DropThing>("/things/{id}", no_content())
      .get<GetThing>("/things/{id}");
}

TEST(harness_requests, every_method_has_its_function) {
  harness tested{things()};

  const auto made = tested.put("/things/a", R"({"text": "x"})");
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.location, "/things/a");
  EXPECT_EQ(made.header("LOCATION"), "/things/a");
  EXPECT_EQ(made.header("X-Not-There"), std::nullopt);
  EXPECT_EQ(tested.patch("/things/a", R"({"text": "y"})").status, 200);
  EXPECT_EQ(tested.get("/things/a").body, R"({"id":"a","text":"xy"})");
  const auto head = tested.head("/things/a");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(head.header("content-type"), "application/json; charset=utf-8");
  EXPECT_EQ(tested.request(http_method::options, "/things/a").status, 204);
  EXPECT_EQ(tested.del("/things/a").status, 204);
  EXPECT_EQ(tested.get("/things/a").status, 404);
}

TEST(harness_requests, a_header_of_the_test_takes_the_place_of_ours) {
  harness tested{things()};

  EXPECT_EQ(tested.put("/things/a", "text", {{"content-type", "text/plain"}}).status, 415);
}

// -- failed messages ------------------------------------------------------------------------------------------------------

struct Arrived {
  static constexpr message_options message{.exchange = "arrivals"};
  std::string name;
};
bool closed = true;
void on_arrived(const Arrived& event, publisher& messages) {
  if (closed) throw domain_error("closed", "{} came too early", event.name);
  messages.publish(Reminded{event.name, {}});
}

TEST(harness_failed, a_failed_message_is_tried_again_and_goes) {
  closed = true;
  harness tested{module("arrivals").events<on_arrived>()};
  tested.receive(Arrived{"ann"}, "m1");
  const auto failed = tested.failed();
  ASSERT_EQ(failed.size(), 1);
  EXPECT_EQ(failed[0].handler, "on_arrived");
  EXPECT_EQ(failed[0].message_id, "m1");
  EXPECT_EQ(failed[0].body, R"({"name":"ann"})");

  closed = false;
  tested.retry(failed[0].id);

  EXPECT_EQ(tested.published<Reminded>().at(0).name, "ann");
  EXPECT_TRUE(tested.failed().empty());
  EXPECT_THROW(tested.retry(failed[0].id), not_found);
}

TEST(harness_failed, a_failed_message_can_be_given_up) {
  closed = true;
  harness tested{module("arrivals").events<on_arrived>()};
  tested.receive(Arrived{"ann"});

  tested.discard(tested.failed().at(0).id);

  EXPECT_TRUE(tested.failed().empty());
}

// -- migrations -----------------------------------------------------------------------------------------------------------

struct CountBooks {
  using result = std::int64_t;
};
std::int64_t count_books(const CountBooks&, database& db) {
  std::int64_t count = -1;
  db.query({.text = "select count(*) from books", .parameters = {}, .expected_rows = {}},
           [&](const sql_row& row) { count = std::get<std::int64_t>(row.values.at(0)); });
  return count;
}
module catalog() { return module("catalog").queries<count_books>(); }

const sql_migration make_books{1, "books", "create table books (isbn text not null primary key); insert into books values ('1')"};

TEST(harness_migrations, those_of_the_application_run) {
  harness tested{application("catalog").add(sqlite({make_books})).add(catalog())};

  EXPECT_EQ(tested.ask(CountBooks{}), 1);
}

TEST(harness_migrations, those_of_a_folder_run_too) {
  const mamey::testing::temporary_directory folder;
  std::ofstream(folder.file("0002_more.sql")) << "insert into books values ('2')";
  harness tested{application("catalog").setting("sqlite:migrations", folder.path()).add(sqlite({make_books})).add(catalog())};

  EXPECT_EQ(tested.ask(CountBooks{}), 2);
}

TEST(harness_migrations, a_wrong_one_is_told_as_at_the_start_of_the_product) {
  harness tested{application("catalog").add(sqlite({{1, "books", "create tabel books (isbn text)"}})).add(catalog())};

  try {
    tested.ask(CountBooks{});
    FAIL();
  } catch (const error& refused) {
    EXPECT_EQ(refused.code(), "migration_refused");
  }
}

/// Stands for a database whose SQL is not SQLite's.
struct other_store {
  std::vector<engine_migration> steps;
  void install(composition& into) const {
    into.use_store({.name = "other", .feature = "mamey::other()", .migrations = steps},
                   [](const environment&) -> std::unique_ptr<store> { return nullptr; });
  }
};

TEST(harness_migrations, of_another_database_the_steps_that_sqlite_understands_are_there) {
  harness tested{
      application("catalog")
          .add(other_store{
              {{1, "books", make_books.sql}, {2, "own", "create extension pgcrypto"}, {3, "more", "insert into books values ('3')"}}})
          .add(catalog())};

  EXPECT_EQ(tested.ask(CountBooks{}), 1);
}

TEST(harness_store, a_file_is_not_kept) {
  mamey::testing::harness tested{mamey::application("x").add(mamey::sqlite())};
  tested.keep_store();
  EXPECT_THROW(tested.get("/"), std::logic_error);
}

}  // namespace
