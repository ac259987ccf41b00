// A query, and the endpoint of a GET, changes nothing; and what a list cannot read it leaves out.

#include <gtest/gtest.h>

#include <mamey/application.hpp>
#include <mamey/cqrs/dispatcher.hpp>
#include <mamey/testing/harness.hpp>

#include "../observability/log_capture.hpp"

namespace {

using namespace mamey;

struct Note {
  std::string id;
  std::string text;
  static constexpr auto indexes() { return indexed<&Note::text>; }
};
struct Noted {
  static constexpr message_options message{.exchange = "notes"};
  std::string id;
};
struct PutNote {
  std::string id;
  std::string text;
};
struct SpoilNote {
  std::string id;
};
struct CountNotes {
  using result = std::int64_t;
};
struct Peek {
  using result = int;
  std::string how;
};
struct Look {
  std::string how;
};
struct Touch {
  std::string id;
};
struct ListNotes {
  using result = std::vector<std::string>;
};
struct GetNote {
  using result = std::string;
  std::string id;
};

void put_note(const PutNote& command, read_models<Note>& notes) { notes.put({command.id, command.text}); }
void spoil_note(const SpoilNote& command, database& db) {
  db.execute({.text = "update notes set body = '{\"text\":[]}' where id = ?", .parameters = {command.id}});
}
std::int64_t count_notes(const CountNotes&, read_models<Note>& notes) { return notes.list().total_results; }
std::vector<std::string> list_notes(const ListNotes&, read_models<Note>& notes) {
  std::vector<std::string> ids;
  for (const auto& each : notes.list().items) ids.push_back(each.id);
  return ids;
}
std::string get_note(const GetNote& query, read_models<Note>& notes) { return notes.get(query.id).text; }

void do_it(const std::string& how, read_models<Note>& notes, publisher& messages, database& db, dispatcher& others) {
  if (how == "put") notes.put({"x", "x"});
  if (how == "remove") notes.remove("a");
  if (how == "publish") messages.publish(Noted{"x"});
  if (how == "send") messages.send(Noted{"x"});
  if (how == "sendLater") messages.send_later(PutNote{"x", "x"}, std::chrono::seconds(1));
  if (how == "execute") db.execute({.text = "delete from notes"});
  if (how == "dispatch") others.send(PutNote{"x", "x"});
  if (how == "ask") (void)others.ask(CountNotes{});
}
/// A publisher of its own: asked for as parameter the compiler refuses it.
int peek(const Peek& query, read_models<Note>& notes, unit_of_work& unit, database& db, dispatcher& others) {
  publisher messages(unit);
  do_it(query.how, notes, messages, db, others);
  return 1;
}

module notes() {
  return module("notes")
      .commands<put_note, spoil_note>()
      .queries<count_notes, peek, list_notes, get_note>()
      .get<Peek>("/peek")
      .get("/look",
           [](const Look& asked, read_models<Note>& all, unit_of_work& unit, database& db, dispatcher& others) {
             publisher messages(unit);
             do_it(asked.how, all, messages, db, others);
           })
      .post("/touch", [](const Touch& asked, read_models<Note>& all) { all.put({asked.id, "touched"}); })
      .post("/touch-too", [](const Touch& asked, read_models<Note>& all) { all.put({asked.id, "touched"}); });
}

TEST(reading, a_query_and_a_get_change_nothing_and_say_so) {
  mamey::testing::harness here{notes()};
  here.send(PutNote{"a", "one"});
  for (const std::string how : {"put", "remove", "publish", "send", "sendLater", "execute", "dispatch"}) {
    try {
      (void)here.ask(Peek{how});
      ADD_FAILURE() << how;
    } catch (const internal_error& refused) {
      EXPECT_EQ(refused.code(), "only_reads") << how;
      EXPECT_TRUE(refused.reason().starts_with("peek only reads")) << refused.reason();
    }
    EXPECT_EQ(here.get("/peek?how=" + how).status, 500);
    EXPECT_EQ(here.get("/look?how=" + how).status, 500);
  }
  here.advance(std::chrono::seconds(5));
  EXPECT_EQ(here.ask(CountNotes{}), 1);
  EXPECT_TRUE(here.published_messages().empty());
  EXPECT_EQ(here.ask(Peek{"ask"}), 1);
  EXPECT_EQ(here.get("/look?how=ask").status, 200);
  EXPECT_EQ(here.post("/touch", R"({"id":"b"})").status, 200);
  EXPECT_EQ(here.ask(CountNotes{}), 2);
}

int peek_inside(const Peek&, transaction& open) { return static_cast<int>(open.execute({.text = "delete from notes"})); }

TEST(reading, a_query_in_a_transaction_changes_nothing_either) {
  mamey::testing::harness here{module("notes").commands<put_note>().queries<count_notes, peek_inside>()};
  here.send(PutNote{"a", "one"});
  EXPECT_THROW((void)here.ask(Peek{}), internal_error);
  EXPECT_EQ(here.ask(CountNotes{}), 1);
}

TEST(reading, a_command_behind_a_get_stops_the_start) {
  mamey::testing::harness here{module("notes").commands<put_note>().get<PutNote>("/notes/{id}")};
  try {
    here.send(PutNote{"a", "one"});
    FAIL() << "it started";
  } catch (const error& refused) {
    EXPECT_EQ(refused.code(), "command_behind_get");
    EXPECT_TRUE(refused.reason().starts_with("GET /notes/{id} in module notes is bound to PutNote, which put_note handles as a command"))
        << refused.reason();
  }
}

TEST(reading, a_row_that_cannot_be_read_is_left_out_named_in_the_log_and_counted) {
  mamey::testing::harness here{notes()};
  for (const auto* id : {"a", "b", "c"}) here.send(PutNote{id, "one"});
  here.send(SpoilNote{"b"});
  {
    const log_capture log;
    EXPECT_EQ(here.ask(ListNotes{}), (std::vector<std::string>{"a", "c"}));
    std::string said;
    for (const auto& each : log.records()) said += each.message;
    EXPECT_NE(said.find("1 rows of notes cannot be read and were left out of a list: b; notes b: text expected a string"),
              std::string::npos)
        << said;
  }
  EXPECT_NE(here.get("/metrics").body.find("mamey_unreadable_rows_total{collection=\"notes\"} 1"), std::string::npos);
  EXPECT_THROW((void)here.ask(GetNote{"b"}), internal_error);

  mamey::testing::harness strict{notes()};
  strict.set("persistence:refuseUnreadable", "true");
  strict.send(PutNote{"b", "one"});
  strict.send(SpoilNote{"b"});
  EXPECT_THROW((void)strict.ask(ListNotes{}), internal_error);
}

}  // namespace
