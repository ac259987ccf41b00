// The sentences about units of work that only a whole pipeline over SQLite can show; those about the store alone are in tests/conformance and
// tests/unit/persistence, those about recording in tests/unit/domain.

#include <gtest/gtest.h>

#include <mamey/application.hpp>
#include <mamey/testing/harness.hpp>

namespace {

using namespace mamey;

struct CounterState {
  int value = 0;
};
struct Increased {
  int by = 0;
};
struct Doubled {
  static constexpr message_options message{.exchange = "counters"};
  int value = 0;
};
class Counter : public aggregate<std::string, CounterState> {
  using aggregate::aggregate;

 public:
  static Counter open(const std::string& id) { return Counter(id); }
  void add(int by) {
    change().value += by;
    raise(Increased{by});
  }
  void twice() {
    change().value *= 2;
    raise(Doubled{state().value});
  }
};
struct Seen {
  std::string id;
  int value = 0;
};

struct Add {
  std::string id;
  int by = 0;
};
struct AddSlowly {
  static constexpr int conflict_retries = 2;
  std::string id;
  int by = 0;
};
struct AddSlowlyOnce {
  std::string id;
  int by = 0;
};
struct AddInside {
  static constexpr message_options message{.exchange = "counters"};
  std::string id;
  int by = 0;
};
struct Double {
  std::string id;
};
struct Count {
  using result = int;
  std::string id;
};
struct CountSeen {
  using result = int;
  std::string id;
};

int slow_tries = 0;
int inside_runs = 0;
int value_met_inside = 0;

Counter counter_of(const std::string& id, repository<Counter>& counters) {
  auto found = counters.find(id);
  return found ? *found : Counter::open(id);
}
void add(const Add& command, repository<Counter>& counters, read_models<Seen>& shown) {
  auto counter = counter_of(command.id, counters);
  counter.add(command.by);
  counters.save(counter);
  shown.put({command.id, counter.state().value});
}
/// Somebody else changes the same counter while the handler works: only in its first try.
void add_slowly(const AddSlowly& command, repository<Counter>& counters, dispatcher& others) {
  auto counter = counter_of(command.id, counters);
  if (++slow_tries == 1) others.send(Add{command.id, 100});
  counter.add(command.by);
  counters.save(counter);
}
void add_slowly_once(const AddSlowlyOnce& command, repository<Counter>& counters, dispatcher& others) {
  auto counter = counter_of(command.id, counters);
  others.send(Add{command.id, 100});
  counter.add(command.by);
  counters.save(counter);
}
void add_inside(const AddInside& command, repository<Counter>& counters, transaction& open, publisher& messages) {
  ++inside_runs;
  auto counter = counter_of(command.id, counters);
  counter.add(command.by);
  counters.save(counter);
  open.execute({.text = "create table if not exists notes (text)", .parameters = {}, .expected_rows = {}});
  open.execute({.text = "insert into notes values ('x')", .parameters = {}, .expected_rows = {}});
  open.query({.text = "select count(*) from notes", .parameters = {}, .expected_rows = {}},
             [](const sql_row& row) { value_met_inside = static_cast<int>(std::get<std::int64_t>(row.values[0])); });
  messages.publish(Doubled{command.by});
  if (command.by < 0) throw domain_error("negative", "no");
}
void twice(const Double& command, repository<Counter>& counters) {
  auto counter = counters.get(command.id);
  counter.twice();
  counters.save(counter);
}
void refuse_large(const Increased& event) {
  if (event.by > 1000) throw domain_error("too_much", "{} is too much", event.by);
}
int count(const Count& query, repository<Counter>& counters) { return counter_of(query.id, counters).state().value; }
int count_seen(const CountSeen& query, read_models<Seen>& shown) {
  const auto found = shown.find(query.id);
  return found ? found->value : 0;
}

class unit_of_work_on_sqlite : public ::testing::Test {
 protected:
  unit_of_work_on_sqlite() { slow_tries = inside_runs = value_met_inside = 0; }
  mamey::testing::harness counters{module("counters")
                                       .commands<add, add_slowly, add_slowly_once, add_inside, twice>()
                                       .subscribes<AddInside>()
                                       .queries<count, count_seen>()
                                       .domain_events<refuse_large>()};
};

TEST_F(unit_of_work_on_sqlite, no_transaction_is_held_while_a_handler_works_and_a_conflict_at_the_flush_is_retried_where_asked) {
  counters.send(AddSlowly{"a", 1});
  EXPECT_EQ(slow_tries, 2) << "the other's commit went through meanwhile";
  EXPECT_EQ(counters.ask(Count{"a"}), 101) << "the second try saw it";
}

TEST_F(unit_of_work_on_sqlite, a_conflict_is_the_callers_where_no_retry_is_asked_for) {
  EXPECT_THROW(counters.send(AddSlowlyOnce{"a", 1}), concurrency_conflict);
  EXPECT_EQ(counters.ask(Count{"a"}), 100) << "a command sent by a handler has a unit of work of its own";
}

TEST_F(unit_of_work_on_sqlite, a_read_model_is_there_when_the_command_has_returned) {
  counters.send(Add{"a", 7});
  EXPECT_EQ(counters.ask(CountSeen{"a"}), 7);
}

TEST_F(unit_of_work_on_sqlite, a_domain_handler_that_throws_refuses_the_whole) {
  EXPECT_THROW(counters.send(Add{"a", 5000}), domain_error);
  EXPECT_EQ(counters.ask(Count{"a"}), 0);
  EXPECT_EQ(counters.ask(CountSeen{"a"}), 0);
}

TEST_F(unit_of_work_on_sqlite, a_raised_event_leaves_the_module_only_if_declared) {
  counters.send(Add{"a", 4});
  EXPECT_TRUE(counters.published_messages().empty()) << "Increased is nobody else's business";
  counters.send(Double{"a"});
  ASSERT_EQ(counters.published<Doubled>().size(), 1u);
  EXPECT_EQ(counters.published<Doubled>()[0].value, 8);
}

int overheard = 0;
void overhear(const Increased&) { ++overheard; }

TEST(modules, domain_handlers_run_whichever_module_saves_the_aggregate) {
  overheard = 0;
  mamey::testing::harness both{application("both").add(module("counters").commands<add>()).add(module("others").domain_events<overhear>())};
  both.send(Add{"a", 1});
  EXPECT_EQ(overheard, 1);
  overheard = 0;
  mamey::testing::harness one{module("counters").commands<add>().domain_events<overhear>()};
  one.send(Add{"a", 1});
  EXPECT_EQ(overheard, 1);
}

TEST_F(unit_of_work_on_sqlite, an_interactive_handler_works_inside_its_transaction) {
  counters.send(AddInside{"a", 3});
  EXPECT_EQ(value_met_inside, 1) << "what it executed applies at once";
  EXPECT_EQ(counters.ask(Count{"a"}), 3);
  EXPECT_EQ(counters.published<Doubled>().size(), 1u);
}

TEST_F(unit_of_work_on_sqlite, an_interactive_handler_that_throws_leaves_nothing) {
  EXPECT_THROW(counters.send(AddInside{"a", -3}), domain_error);
  EXPECT_EQ(counters.ask(Count{"a"}), 0);
  EXPECT_TRUE(counters.published_messages().empty());
  counters.send(AddInside{"a", 2});
  EXPECT_EQ(value_met_inside, 1) << "the first one's note is gone";
}

TEST_F(unit_of_work_on_sqlite, an_interactive_handler_is_not_even_run_for_a_message_that_was_handled) {
  counters.receive(AddInside{"a", 3}, "m1");
  counters.receive(AddInside{"a", 3}, "m1");
  EXPECT_EQ(inside_runs, 1);
  EXPECT_EQ(counters.ask(Count{"a"}), 3);
}

}  // namespace
