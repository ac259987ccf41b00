// Mistakes of an author that compile: each is refused at the start, or told when it happens, with a sentence that says what and what to do.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <mamey/application.hpp>
#include <mamey/cqrs/pipeline.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/host/running_application.hpp>
#include <mamey/http/message.hpp>
#include <mamey/observability/health.hpp>
#include <mamey/observability/metrics.hpp>
#include <mamey/persistence/sqlite/feature.hpp>
#include <mamey/persistence/sqlite/store.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/testing/harness.hpp>

#include "../observability/log_capture.hpp"

namespace {

using namespace mamey;
using mamey::testing::harness;

struct Open {
  std::string name;
};
struct Close {
  std::string name;
};
void open(const Open&) {}
void open_too(const Open&) {}
void handle(const Open&) {}
void handle(const Close&) {}

struct Loan {
  mamey::uuid id;
  std::string book;
};
struct GetLoan {
  using result = std::optional<Loan>;
  std::string loan_id;
  mamey::paging paging;
};
std::optional<Loan> get_loan(const GetLoan& query) { return Loan{{}, "[" + query.loan_id + "]"}; }
struct FindLoan {
  using result = std::optional<Loan>;
  std::string name;
};
std::optional<Loan> find_loan(const FindLoan&) { return std::nullopt; }

struct Opened {
  static constexpr message_options message{.exchange = "doors"};
  std::string name;
};
struct Noted {
  std::string name;
};
void open_and_tell(const Open& command, publisher& messages) { messages.publish(Opened{command.name}); }
void on_opened(const Opened&) {}
std::optional<Opened> tell(const Noted& event) { return Opened{event.name}; }

struct DoorState {
  std::string name;
};
class Door : public aggregate<mamey::uuid, DoorState> {
  using aggregate::aggregate;

 public:
  static Door make(const std::string& name) {
    Door made(mamey::uuid::v7(), {.name = name});
    made.raise(Opened{name});
    return made;
  }
};
void open_a_door(const Open& command, repository<Door>& doors) { doors.add(Door::make(command.name)); }

struct Look {
  using result = bool;
  mamey::uuid id;
};
bool look(const Look& query, repository<Door>& doors) { return doors.exists(query.id); }

std::optional<Noted> keep_private(const Opened&) { return std::nullopt; }

namespace sheds {
struct Opened {
  static constexpr message_options message{.exchange = "doors"};
  int width = 0;
};
struct ShedState {
  int width = 0;
};
class WideShed : public aggregate<mamey::uuid, ShedState> {
  using aggregate::aggregate;

 public:
  static WideShed make(int width) {
    WideShed made(mamey::uuid::v7(), {.width = width});
    made.raise(Opened{width});
    return made;
  }
};
struct Build {
  int width = 0;
};
void build(const Build& command, repository<WideShed>& all) { all.add(WideShed::make(command.width)); }
std::optional<Opened> tell(const Noted&) { return std::nullopt; }
Opened refused(const Open&, const error_report&) { return {}; }
}  // namespace sheds

/// Asks for a publisher where nobody looks: in a service.
class doorman {
 public:
  explicit doorman(publisher& messages) : messages_(messages) {}
  void tell(const std::string& name) { messages_.publish(Opened{name}); }

 private:
  publisher& messages_;
};
void open_by_the_doorman(const Open& command, doorman& man) { man.tell(command.name); }

void see_the_request(const Open&, const http::request&) {}

struct Circle;
struct Round {
  explicit Round(Circle&) {}
};
struct Circle {
  explicit Circle(Round&) {}
};
void go_round(const Open&, Round&) {}

struct mistake {
  const char* name;
  std::function<application()> made;
  const char* said;
};

application with(module&& part) { return application("doors").add(sqlite()).add(messaging()).add(std::move(part)); }
application silent(module&& part) { return application("doors").add(sqlite()).add(std::move(part)); }

const std::vector<mistake>& mistakes() {
  static const std::vector<mistake> all{
      {"forgot_a_handler", [] { return with(module("m").commands<open>().post<Open>("/open").post<Close>("/close")); },
       "Close has an endpoint in module m, but no handler: list one with .commands<…>()"},
      {"two_handlers", [] { return with(module("m").commands<open, open_too>()); }, "Open has two handlers, open and open_too"},
      {"listed_twice", [] { return with(module("m").events<on_opened, on_opened>()); }, "Opened is handled by on_opened twice"},
      {"misspelt_route_parameter", [] { return with(module("m").queries<get_loan>().get<GetLoan>("/loans/{lonId}")); },
       "GET /loans/{lonId} (module m) has the parameter {lonId}, which is no member of GetLoan: did you mean loanId?"},
      {"route_parameter_of_no_member", [] { return with(module("m").commands<open>().post<Open>("/doors/{door}/open")); },
       "POST /doors/{door}/open (module m) has the parameter {door}, which is no member of Open"},
      {"route_parameter_of_a_lambda",
       [] { return application("m").add(sqlite()).get("/hello/{nam}", [](const Open& hello) { return Loan{{}, hello.name}; }); },
       "has the parameter {nam}, which is no member of Open: did you mean name?"},
      {"misspelt_location", [] { return with(module("m").commands<open>().post<Open>("/open", created("/open/{nmae}"))); },
       "the Location of an endpoint names {nmae}, which is no member of Open: did you mean name?"},
      {"duplicate_route",
       [] { return with(module("m").queries<get_loan, find_loan>().get<GetLoan>("/loans/{loanId}").get<FindLoan>("/loans/{name}")); },
       "/loans/{name}"},
      {"publisher_without_messaging", [] { return silent(module("m").commands<open_and_tell>()); },
       "open_and_tell asks for a publisher, but application doors has no messaging; add it: .add(mamey::messaging())"},
      {"event_handler_without_messaging", [] { return silent(module("m").events<on_opened>()); },
       "module m handles the event Opened, but application doors has no messaging; add it: .add(mamey::messaging())"},
      {"mapping_without_messaging", [] { return silent(module("m").maps<tell>()); },
       "module m tells others of Noted, but application doors has no messaging"},
      {"publishes_without_messaging", [] { return silent(module("m").publishes<Noted>()); },
       "module m publishes Noted, but application doors has no messaging"},
      {"subscribes_without_messaging", [] { return silent(module("m").commands<open>().subscribes<Open>()); },
       "module m subscribes to Open, but application doors has no messaging"},
      {"subscribes_without_handler", [] { return with(module("m").subscribes<Open>()); },
       "Open is subscribed to, but has no handler in this application"},
      {"contract_of_an_aggregate_without_messaging", [] { return silent(module("m").commands<open_a_door>()); },
       "open_a_door saves doors, which raise Opened for other services, but application doors has no messaging; add it: "
       ".add(mamey::messaging())"},
      {"contracts_of_one_name_of_two_aggregates", [] { return with(module("m").commands<open_a_door, sheds::build>()); },
       "sheds::Opened, which are both called Opened on the bus"},
      {"contracts_of_one_name_raised_and_mapped", [] { return with(module("m").commands<open_a_door>().maps<sheds::tell>()); },
       "sheds::Opened and"},
      {"contracts_of_one_name_raised_and_of_a_rejection",
       [] { return with(module("m").commands<open_a_door>().rejects<sheds::refused>()); }, "sheds::Opened and"},
      {"overloads_that_wait_for_messages",
       [] { return with(module("m").commands<static_cast<void (*)(const Open&)>(handle), static_cast<void (*)(const Close&)>(handle)>()); },
       "are both called handle where messages wait for their handler: give one of these functions or classes another name"},
      {"no_store", [] { return application("doors").add(messaging()).add(module("m").commands<open_a_door>()); },
       "open_a_door stores doors, but application doors has no store; add one, e.g. .add(mamey::sqlite())"},
      {"asks_for_the_request", [] { return with(module("m").commands<see_the_request>()); },
       "which handlers do not see: a message takes from route, query and body what its members name"},
      {"circle", [] { return with(module("m").commands<go_round>().services([](services& s) { s.add<Round>().add<Circle>(); })); },
       "a circle"},
      {"added_twice", [] { return with(module("m").commands<open>().services([](services& s) { s.add<Loan>().add<Loan>(); })); }, "Loan"},
  };
  return all;
}

class start_refuses : public ::testing::TestWithParam<mistake> {};

TEST_P(start_refuses, with_a_sentence) {
  const auto& made = GetParam();
  try {
    harness tested{made.made()};
    tested.advance({});
    FAIL() << "started";
  } catch (const std::exception& refused) {
    EXPECT_NE(std::string(refused.what()).find(made.said), std::string::npos) << refused.what();
  }
}

INSTANTIATE_TEST_SUITE_P(mistakes, start_refuses, ::testing::ValuesIn(mistakes()),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(right_applications, without_messaging_may_read_aggregates_that_raise_contracts) {
  harness tested{silent(module("m").queries<look>())};

  EXPECT_FALSE(tested.ask(Look{mamey::uuid::v7()}));
}

TEST(right_applications, may_map_the_contract_of_another_name_away) {
  harness tested{with(module("m").commands<open_a_door>().maps<keep_private>().commands<sheds::build>())};

  tested.send(Open{"front"});
  tested.send(sheds::Build{3});

  EXPECT_EQ(tested.published<sheds::Opened>().size(), 1u);
}

std::unique_ptr<store> memory_store_of(const environment&) {
  sqlite_options options;
  options.path = ":memory:";
  return std::make_unique<sqlite_store>(options, sqlite_environment{.wait = sqlite_environment::waiting::block});
}

/// How often a store was opened before the start was refused, and what was said.
std::pair<int, std::string> refused_start(application&& made, configuration values = {}) {
  int opened = 0;
  simulated_runtime time;
  std::string said;
  try {
    auto definition = std::move(made).release();
    if (!definition->stores.empty()) {
      definition->stores.clear();
      definition->use_store({.name = "memory", .feature = "the test"},
                            [&](const environment& around) { return ++opened, memory_store_of(around); });
    }
    running_application running(std::move(definition),
                                {.system_loop = &time.loop(), .workers = {&time.loop()}, .configuration = std::move(values)});
    time.run([&] { running.prepare(); });
  } catch (const validation_error& refused) {
    for (const auto& each : refused.violations()) said += each.path + ": " + each.message + "\n";
  } catch (const std::exception& refused) {
    said = refused.what();
  }
  return {opened, said};
}

TEST_P(start_refuses, before_a_store_is_opened) {
  const auto [opened, said] = refused_start(GetParam().made());
  EXPECT_EQ(opened, 0);
  EXPECT_NE(said.find(GetParam().said), std::string::npos) << said;
}

TEST(start_refuses_configuration, of_messages_before_a_store_is_opened_and_names_the_place) {
  for (const auto* key : {"messaging:concurrency", "outbox:batch"}) {
    configuration values;
    values.set(key, "0", "the file");
    const auto [opened, said] = refused_start(with(module("m").commands<open>()), std::move(values));
    EXPECT_EQ(opened, 0) << key;
    EXPECT_NE(said.find(key), std::string::npos) << said;
    EXPECT_NE(said.find("the file"), std::string::npos) << said;
  }
}

TEST(right_applications, are_not_refused) {
  harness tested{with(module("m")
                          .queries<get_loan>()
                          .commands<open>()
                          .get<GetLoan>("/loans/{LOANID}/{page}/{resultsPerPage}")
                          .post<Open>("/{name}", created("/{name}")))};

  EXPECT_EQ(tested.get("/loans/a/1/10").body.substr(0, 3), "{\"i");
}

std::string what_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& thrown) {
    return thrown.what();
  }
  return "nothing was thrown";
}

std::size_t told(const log_capture& log, std::string_view sentence) {
  std::size_t count = 0;
  for (const auto& each : log.records()) count += each.message.find(sentence) != std::string::npos ? 1 : 0;
  return count;
}

// -- told when it happens -------------------------------------------------------------------------------------------------

TEST(contract_event_without_messaging, is_told_once_a_type_and_counted) {
  const log_capture log;
  harness tested{silent(module("m").commands<open_by_the_doorman>().services([](services& s) { s.add<doorman>(lifetime::scoped); }))};

  for (int i = 0; i < 3; ++i) tested.send(Open{"front"});

  EXPECT_EQ(
      told(log,
           "Opened of open_by_the_doorman stays in the outbox, as doors has no messaging to send it; add it: .add(mamey::messaging())"),
      1u);
  EXPECT_NE(tested.get("/metrics").body.find("mamey_outbox_pending 3"), std::string::npos);
}

// -- an aggregate that was not saved ----------------------------------------------------------------------------------------

struct DoorClosed {
  mamey::uuid id;
};
struct GateState {
  bool open = true;
  int painted = 0;
};
class Gate : public aggregate<mamey::uuid, GateState> {
  using aggregate::aggregate;

 public:
  static Gate make(const mamey::uuid& id) { return Gate(id); }
  void close() {
    change().open = false;
    raise(DoorClosed{id()});
  }
  void paint() { ++change().painted; }
};
using gate_store = repository<Gate>;
struct Build {
  mamey::uuid id;
};
struct Shut {
  mamey::uuid id;
  std::string done;
};
struct WouldShut {
  using result = bool;
  mamey::uuid id;
};
struct work_on_a_gate {
  const char* name;
  void (*done)(gate_store&, const mamey::uuid&);
};

Gate painted(Gate gate) {
  gate.paint();
  return gate;
}

/// Each loses a change.
const std::vector<work_on_a_gate>& slips() {
  static const std::vector<work_on_a_gate> all{
      {"raised", [](gate_store& gates, const mamey::uuid& id) { gates.get(id).close(); }},
      {"changed", [](gate_store& gates, const mamey::uuid& id) { gates.get(id).paint(); }},
      {"raised_after_the_save",
       [](gate_store& gates, const mamey::uuid& id) {
         auto gate = gates.get(id);
         gate.close();
         gates.save(gate);
         gate.close();
       }},
      {"changed_after_the_save",
       [](gate_store& gates, const mamey::uuid& id) {
         auto gate = gates.get(id);
         gates.save(gate);
         gate.paint();
       }},
      {"raised_after_add",
       [](gate_store& gates, const mamey::uuid&) {
         auto gate = Gate::make(mamey::uuid::v7());
         gates.add(gate);
         gate.close();
       }},
      {"changed_after_add",
       [](gate_store& gates, const mamey::uuid&) {
         auto gate = Gate::make(mamey::uuid::v7());
         gates.add(gate);
         gate.paint();
       }},
      {"changed_after_remove",
       [](gate_store& gates, const mamey::uuid& id) {
         auto gate = gates.get(id);
         gates.remove(gate);
         gate.paint();
       }},
      {"changed_a_copy",
       [](gate_store& gates, const mamey::uuid& id) {
         auto gate = gates.get(id);
         auto copy = gate;
         copy.paint();
         gates.save(gate);
       }},
      {"changed_both_copies",
       [](gate_store& gates, const mamey::uuid& id) {
         auto gate = gates.get(id);
         gate.paint();
         auto copy = gate;
         copy.paint();
         gate.paint();
         gates.save(gate);
       }},
      {"overwritten",
       [](gate_store& gates, const mamey::uuid& id) {
         auto gate = gates.get(id);
         gate.paint();
         gate = gates.get(id);
       }},
      {"of_a_list",
       [](gate_store& gates, const mamey::uuid&) {
         for (auto& each : gates.list({}).items) each.paint();
       }},
  };
  return all;
}
/// None does.
const std::vector<work_on_a_gate>& right_ways() {
  static const std::vector<work_on_a_gate> all{
      {"look", [](gate_store& gates, const mamey::uuid& id) { gates.get(id); }},
      {"save",
       [](gate_store& gates, const mamey::uuid& id) {
         auto gate = gates.get(id);
         gate.close();
         gate.paint();
         gates.save(gate);
         gate.paint();
         gates.save(gate);
       }},
      {"save_a_copy",
       [](gate_store& gates, const mamey::uuid& id) {
         auto gate = gates.get(id);
         gate.close();
         auto copy = gate;
         gates.save(copy);
       }},
      {"save_what_a_copy_became",
       [](gate_store& gates, const mamey::uuid& id) {
         auto gate = gates.get(id);
         gate.paint();
         auto copy = painted(gate);
         gates.save(copy);
       }},
      {"save_what_was_moved",
       [](gate_store& gates, const mamey::uuid& id) {
         auto gate = gates.get(id);
         gate.paint();
         auto moved = painted(std::move(gate));
         gates.save(moved);
       }},
      {"remove",
       [](gate_store& gates, const mamey::uuid& id) {
         auto gate = gates.get(id);
         gate.close();
         gates.remove(gate);
       }},
      {"add",
       [](gate_store& gates, const mamey::uuid&) {
         auto gate = Gate::make(mamey::uuid::v7());
         gate.close();
         gates.add(gate);
         gates.add(painted(Gate::make(mamey::uuid::v7())));
       }},
      {"each_of_a_list",
       [](gate_store& gates, const mamey::uuid&) {
         for (auto& each : gates.list({}).items) {
           each.paint();
           gates.save(each);
         }
       }},
      {"give_up",
       [](gate_store& gates, const mamey::uuid& id) {
         try {
           auto gate = gates.get(id);
           gate.close();
           throw domain_error("jammed", "it is jammed");
         } catch (const domain_error&) {}
       }},
  };
  return all;
}

void build(const Build& command, gate_store& gates) { gates.add(Gate::make(command.id)); }
void shut(const Shut& command, gate_store& gates) {
  for (const auto* all : {&slips(), &right_ways()}) {
    for (const auto& each : *all) {
      if (command.done == each.name) each.done(gates, command.id);
    }
  }
}
bool would_shut(const WouldShut& query, gate_store& gates) {
  auto gate = gates.get(query.id);
  gate.close();
  return !gate.state().open;
}
void paint_what_is_closed(const DoorClosed& event, gate_store& gates) { gates.get(event.id).paint(); }
module gates() { return module("gates").commands<build, shut>().queries<would_shut>(); }

std::string shutting(const std::string& how, module&& part) {
  harness tested{std::move(part)};
  const auto id = mamey::uuid::v7();
  tested.send(Build{id});
  return what_of([&] { tested.send(Shut{id, how}); });
}

class a_change_that_nobody_saves : public ::testing::TestWithParam<work_on_a_gate> {};
class a_change_that_is_saved : public ::testing::TestWithParam<work_on_a_gate> {};
const auto by_name = [](const auto& each) { return std::string(each.param.name); };

TEST_P(a_change_that_nobody_saves, fails_in_the_harness_with_type_id_and_handler) {
  const auto said = shutting(GetParam().name, gates());

  EXPECT_TRUE(said.starts_with("gates ")) << said;
  EXPECT_NE(said.find(" in shut"), std::string::npos) << said;
  EXPECT_NE(said.find("was not saved: its changes are lost"), std::string::npos) << said;
}
INSTANTIATE_TEST_SUITE_P(slips, a_change_that_nobody_saves, ::testing::ValuesIn(slips()), by_name);

TEST_P(a_change_that_is_saved, or_was_given_up_by_an_exception_is_well) {
  EXPECT_EQ(shutting(GetParam().name, gates()), "nothing was thrown");
}
INSTANTIATE_TEST_SUITE_P(right_ways, a_change_that_is_saved, ::testing::ValuesIn(right_ways()), by_name);

TEST(a_change_that_nobody_saved, in_a_handler_of_a_domain_event_names_that_handler) {
  EXPECT_NE(shutting("save", gates().domain_events<paint_what_is_closed>()).find("was changed in paint_what_is_closed and was not saved"),
            std::string::npos);
}

TEST(a_change_that_nobody_saved, may_be_tried_out_by_a_query) {
  harness tested{gates()};
  const auto id = mamey::uuid::v7();
  tested.send(Build{id});

  EXPECT_TRUE(tested.ask(WouldShut{id}));
}

TEST(a_change_that_nobody_saved, is_a_warning_in_the_product_that_names_it_once_a_minute) {
  const log_capture log;
  simulated_runtime time;
  auto definition = application("gates").add(gates()).release();
  definition->use_store({.name = "memory", .feature = "the test"}, memory_store_of);
  running_application running(std::move(definition), {.system_loop = &time.loop(), .workers = {&time.loop()}});
  const auto id = mamey::uuid::v7();
  time.run([&] {
    running.prepare();
    running.handlers().send(Build{id});
    for (int i = 0; i < 3; ++i) running.handlers().send(Shut{id, "raised"});
    sleep_for(std::chrono::minutes(2));
    running.handlers().send(Shut{id, "changed"});
  });

  EXPECT_EQ(told(log, "gates " + to_string(id) + " raised DoorClosed in shut and was not saved: its changes are lost"), 1u);
  EXPECT_EQ(told(log, "gates " + to_string(id) + " was changed in shut and was not saved: its changes are lost"), 1u);
}

// -- what a handler of a domain event counts as ---------------------------------------------------------------------------

void note_that_it_is_closed(const DoorClosed&) {}

TEST(a_handler_of_a_domain_event, is_counted_as_every_other) {
  harness tested{gates().domain_events<note_that_it_is_closed>()};
  const auto id = mamey::uuid::v7();
  tested.send(Build{id});
  tested.send(Shut{id, "save"});

  const auto shown = tested.get("/metrics").body;
  EXPECT_NE(shown.find("mamey_handled_total{handler=\"note_that_it_is_closed\",outcome=\"ok\"} 1"), std::string::npos) << shown;
}

// -- what is sent within the process --------------------------------------------------------------------------------------

struct NobodyHandles {
  int amount = 0;
};
struct NobodyAnswers {
  using result = int;
};
[[maybe_unused]] void never_called(publisher& messages, dispatcher& others) {
  messages.send_later(NobodyHandles{}, std::chrono::seconds(1));
  others.ask(NobodyAnswers{});
}

TEST(messages_sent_within_the_process, are_known_before_anybody_sends_them) {
  std::vector<std::string> names;
  for (const auto* each : detail::dispatched_messages()) names.emplace_back(each->name);

  EXPECT_EQ(std::ranges::count(names, "NobodyHandles"), 1);
  EXPECT_EQ(std::ranges::count(names, "NobodyAnswers"), 1);
}

struct SendLater {};
void send_it_later(const SendLater&, publisher& messages) { messages.send_later(NobodyHandles{}, std::chrono::seconds(1)); }

TEST(messages_sent_within_the_process, that_nobody_handles_fail_where_they_are_sent) {
  harness tested{module("m").commands<send_it_later>()};

  EXPECT_NE(what_of([&] { tested.send(SendLater{}); }).find("NobodyHandles is to be sent later, but has no handler in this application"),
            std::string::npos);
}

// -- columns of plain SQL -------------------------------------------------------------------------------------------------

struct Ask {
  using result = std::string;
  std::string column;
};
std::string ask_column(const Ask& query, database& db) {
  std::string found;
  db.query({.text = "select 'ten' as word, 7 as number, null as none, 1.5 as share, '0197f2a4-6f6d-7c7e-8f0a-3c1d2e3f4a5b' as id, 1 as yes",
            .parameters = {},
            .expected_rows = {}},
           [&](const sql_row& row) {
             if (query.column == "right") {
               EXPECT_EQ(row.get<std::string>("word"), "ten");
               EXPECT_EQ(row.get<std::string>(0), "ten");
               EXPECT_EQ(row.get<int>("number"), 7);
               EXPECT_EQ(row.get<std::optional<int>>("none"), std::nullopt);
               EXPECT_EQ(row.get<std::optional<int>>("number"), 7);
               EXPECT_EQ(row.get<double>("share"), 1.5);
               EXPECT_EQ(to_string(row.get<mamey::uuid>("id")), "0197f2a4-6f6d-7c7e-8f0a-3c1d2e3f4a5b");
               EXPECT_TRUE(row.get<bool>("yes"));
               EXPECT_EQ(row.get<std::string>("number"), "7");
             } else if (query.column == "last") {
               row.get<int>(6);
             } else {
               found = std::to_string(row.get<int>(query.column));
             }
           });
  return found;
}

TEST(sql_rows, give_columns_as_what_is_asked_for) {
  harness tested{module("m").queries<ask_column>()};

  tested.ask(Ask{"right"});
}

TEST(sql_rows, a_wrong_guess_names_the_column_and_what_is_there) {
  harness tested{module("m").queries<ask_column>()};

  EXPECT_EQ(what_of([&] { tested.ask(Ask{"word"}); }),
            "column word holds the text \"ten\", and a int was asked for: expected an integer: \"ten\"");
  EXPECT_EQ(what_of([&] { tested.ask(Ask{"none"}); }),
            "column none holds null, and a int was asked for: expected std::optional, or `is not null` in the statement");
  EXPECT_EQ(what_of([&] { tested.ask(Ask{"nubmer"}); }),
            "column nubmer was asked for, but the row has word, number, none, share, id, yes: did you mean number?");
  EXPECT_EQ(what_of([&] { tested.ask(Ask{"last"}); }), "column number 6 was asked for, but the row has 6, numbered from 0");
}

struct Spend {
  int amount = 0;
};
void spend(const Spend& command, database& db) {
  db.execute({.text = "update purse set amount = amount - ? where amount >= ?",
              .parameters = {command.amount, command.amount},
              .expected_rows = 1});
}

TEST(expected_rows, the_log_names_the_statement_and_the_answer_does_not) {
  const log_capture log;
  harness tested{application("purses")
                     .add(sqlite({{1, "purse", "create table purse (amount integer not null); insert into purse values (10)"}}))
                     .add(module("m").commands<spend>().post<Spend>("/spend"))};

  const auto answer = tested.post("/spend", R"({"amount": 11})");

  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(answer.body.find("purse set"), std::string::npos) << answer.body;
  EXPECT_GE(told(log, "0 rows changed, 1 were expected, by \"update purse set amount = amount - ? where amount >= ?\""), 1u);
}

// -- what can be asked for ------------------------------------------------------------------------------------------------

struct LoanOptions {
  int most_days = 30;
  std::string place;
  static constexpr auto rules() { return field<&LoanOptions::most_days>.between(1, 365); }
};
struct Lent {
  using result = std::string;
};
class lending {
 public:
  lending(metrics::registry& measured, health::registry& health, const LoanOptions& options)
      : lent_(measured.counters("loans_lent_total", "Books lent.", {}).with({})),
        text_(options.place + " " + std::to_string(options.most_days)) {
    health.add({.name = "shelf", .kinds = health::kind::readiness, .check = [] { return health::result{}; }});
  }
  const std::string& lend() {
    lent_.increment();
    return text_;
  }

 private:
  metrics::counter& lent_;
  std::string text_;
};
std::string lend(const Lent&, lending& desk) { return desk.lend(); }
module library() {
  return module("library").queries<lend>().options<LoanOptions>("loans").services([](services& s) {
    s.add<lending>().add_initializer("look at everything",
                                     [](metrics::registry&, health::registry&, const LoanOptions&, const configuration&, dispatcher&) {});
  });
}

TEST(injectables, metrics_health_and_own_options_are_found_by_type) {
  harness tested{library()};
  tested.set("loans:place", "hall");
  tested.set("loans:mostDays", "14");

  EXPECT_EQ(tested.ask(Lent{}), "hall 14");

  EXPECT_NE(tested.get("/metrics").body.find("loans_lent_total 1"), std::string::npos);
  EXPECT_NE(tested.get("/health/ready").body.find("shelf"), std::string::npos) << tested.get("/health/ready").body;
}

TEST(injectables, own_options_refuse_a_bad_value_at_the_start_and_name_it) {
  harness tested{library()};
  tested.set("loans:mostDays", "400");

  EXPECT_NE(what_of([&] { tested.ask(Lent{}); }).find("loans:mostDays"), std::string::npos) << what_of([&] { tested.ask(Lent{}); });
}

TEST(injectables, a_misspelt_key_of_own_options_is_a_warning) {
  const log_capture log;
  harness tested{library()};
  tested.set("loans:mostDay", "5");

  EXPECT_EQ(tested.ask(Lent{}), " 30");

  EXPECT_EQ(told(log, "loans:mostDay: unknown key: did you mean mostDays?"), 1u);
}

}  // namespace
