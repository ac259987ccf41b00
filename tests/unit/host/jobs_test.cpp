/// Recurring jobs and delayed messages as authors declare them and operators see them.

#include <gtest/gtest.h>

#include <mamey/application.hpp>
#include <mamey/core/json.hpp>
#include <mamey/domain/delayed_messages.hpp>
#include <mamey/testing/harness.hpp>

namespace {

using namespace mamey;
using namespace std::chrono_literals;

struct CleanUp {
  std::string note;
};
struct DayBegan {
  static constexpr message_options message{.exchange = "days"};
  timestamp at;
};
struct Foreign {
  static constexpr message_options message{.exchange = "elsewhere"};
};
struct Unhandled {};
struct ForAdmins {
  static constexpr auto access() { return requires_role("admin"); }
};
struct Answering {};
struct Answer {
  int number = 0;
};

std::vector<std::string> ran;
void clean_up(const CleanUp& command) { ran.push_back(format_timestamp(now_utc()).substr(0, 16) + command.note); }
void for_admins(const ForAdmins&) {}
Answer answering(const Answering&) { return {}; }

class jobs : public ::testing::Test {
 protected:
  jobs() { ran.clear(); }
};

module every_six_hours() { return module("m").commands<clean_up>().every(6h, mamey::send(CleanUp{.note = "!"})); }

using texts = std::vector<std::string>;

TEST_F(jobs, run_their_command_when_they_are_due) {
  mamey::testing::harness tested{every_six_hours()};
  tested.advance(24h);
  EXPECT_EQ(ran, (texts{"2025-01-01T06:00!", "2025-01-01T12:00!", "2025-01-01T18:00!", "2025-01-02T00:00!"}));
  EXPECT_TRUE(tested.failed().empty());
  EXPECT_TRUE(tested.published_messages().empty()) << "a command of its own needs no bus";
}

TEST_F(jobs, publish_events_and_send_commands_of_other_services_over_the_bus) {
  mamey::testing::harness tested{module("m")
                                     .every(12h, mamey::publish([](const occurrence& due) { return DayBegan{.at = due.time}; }))
                                     .cron("0 3 * * *", "America/New_York", mamey::send<Foreign>(), {.name = "foreign"})};
  tested.advance(24h);
  const auto days = tested.published<DayBegan>();
  ASSERT_EQ(days.size(), 2U);
  EXPECT_EQ(format_timestamp(days[0].at), "2025-01-01T12:00:00Z");
  const auto& all = tested.published_messages();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].type, "Foreign");
  EXPECT_EQ(all[0].exchange, "elsewhere");
  EXPECT_EQ(all[0].id, all[0].correlation_id);
  EXPECT_NE(all[1].id, all[2].id);
}

TEST_F(jobs, have_the_same_message_ids_in_every_process) {
  const auto id = [] {
    mamey::testing::harness tested{module("m").every(12h, mamey::publish<DayBegan>())};
    tested.advance(12h);
    return tested.published_messages().at(0).id;
  };
  EXPECT_EQ(id(), id());
}

TEST_F(jobs, are_changed_by_the_configuration) {
  mamey::testing::harness faster{every_six_hours()};
  faster.set("jobs:cleanUp:every", "08:00:00");
  faster.advance(24h);
  EXPECT_EQ(ran, (texts{"2025-01-01T08:00!", "2025-01-01T16:00!", "2025-01-02T00:00!"}));
  ran.clear();
  mamey::testing::harness by_cron{every_six_hours()};
  by_cron.set("jobs:CleanUp:cron", "0 2 * * *");
  by_cron.set("jobs:CleanUp:zone", "Europe/Berlin");
  by_cron.advance(24h);
  EXPECT_EQ(ran, (texts{"2025-01-01T01:00!"}));
  ran.clear();
  mamey::testing::harness off{every_six_hours()};
  off.set("jobs:CleanUp:enabled", "false");
  off.advance(48h);
  EXPECT_TRUE(ran.empty());
}

/// Why a module, with settings, is refused.
std::string refusal(module what, const std::vector<std::pair<std::string, std::string>>& settings = {}) {
  mamey::testing::harness tested{std::move(what)};
  for (const auto& [key, value] : settings) tested.set(key, value);
  try {
    tested.advance(1s);
  } catch (const error& refused) {
    return refused.reason();
  }
  return "not refused";
}

void expect_sentence(const std::string& reason, std::string_view part) { EXPECT_NE(reason.find(part), std::string::npos) << reason; }

TEST_F(jobs, that_cannot_run_refuse_the_start_with_a_sentence) {
  const auto clean = [] { return module("m").commands<clean_up>(); };
  expect_sentence(refusal(clean().cron("61 * * * *", "UTC", mamey::send<CleanUp>())),
                  "job CleanUp: the cron expression \"61 * * * *\" is refused: minute is 61, expected 0 to 59");
  expect_sentence(refusal(clean().cron("@daily", "Europe/Berln", mamey::send<CleanUp>())),
                  "job CleanUp: the time zone \"Europe/Berln\" was not found");
  expect_sentence(refusal(clean().every(0s, mamey::send<CleanUp>())), "job CleanUp: the interval 00:00:00 is refused");
  expect_sentence(refusal(clean().every(1h, mamey::send<CleanUp>()).every(2h, mamey::send<CleanUp>())), "two jobs called CleanUp");
  expect_sentence(refusal(clean().every(1h, mamey::send<CleanUp>(), {.name = "a:b"})), "without a colon");
  expect_sentence(refusal(module("m").every(1h, mamey::send<Unhandled>())),
                  "job Unhandled sends Unhandled, which has no handler in application test");
  expect_sentence(refusal(module("m").commands<for_admins>().every(1h, mamey::send<ForAdmins>())), "a job has no user");
  expect_sentence(refusal(module("m").commands<answering>().every(1h, mamey::send<Answering>())), "returns a result");
  expect_sentence(refusal(every_six_hours(), {{"jobs:CleanUp:cron", "hourly"}}), "jobs:CleanUp:cron");
  expect_sentence(refusal(every_six_hours(), {{"jobs:CleanUp:cron", "@hourly"}}), "needs a time zone beside it");
  expect_sentence(refusal(every_six_hours(), {{"jobs:CleanUp:cron", "@hourly"}, {"jobs:CleanUp:zone", "Mars"}}), "jobs:CleanUp:cron");
  expect_sentence(refusal(every_six_hours(), {{"jobs:CleanUp:zone", "UTC"}}), "an interval has no time zone");
  expect_sentence(refusal(every_six_hours(), {{"jobs:CleanUp:missed", "sometimes"}}), "jobs:CleanUp:missed");
}

TEST_F(jobs, are_seen_by_the_operator_and_in_metrics) {
  mamey::testing::harness tested{every_six_hours().cron("@daily", "UTC", mamey::publish<DayBegan>())};
  tested.set("management:messages", "true");
  tested.set("management:apiKey", "secret");
  tested.set("jobs:DayBegan:enabled", "false");
  tested.advance(13h);
  const auto answer = tested.get("/_messages/jobs", {{"X-Api-Key", "secret"}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(
      answer.body,
      R"({"items":[{"name":"CleanUp","schedule":"every 06:00:00","enabled":true,"declared":true,"next":"2025-01-01T18:00:00Z","last":"2025-01-01T12:00:00Z","runs":2,"missed":0},)"
      R"({"name":"DayBegan","schedule":"cron @daily in UTC","enabled":false,"declared":true,"next":null,"last":null,"runs":0,"missed":0}]})");
  const auto metrics = tested.get("/metrics").body;
  EXPECT_NE(metrics.find("mamey_job_runs_total{job=\"CleanUp\"} 2"), std::string::npos) << metrics;
  EXPECT_NE(metrics.find("mamey_job_missed_total{job=\"CleanUp\"} 0"), std::string::npos);
  EXPECT_NE(metrics.find("mamey_job_next_timestamp_seconds{job=\"CleanUp\"} 1735754400"), std::string::npos) << metrics;
  EXPECT_NE(metrics.find("mamey_job_last_timestamp_seconds{job=\"CleanUp\"} 1735732800"), std::string::npos) << metrics;
  EXPECT_EQ(metrics.find("mamey_job_next_timestamp_seconds{job=\"DayBegan\"}"), std::string::npos);
}

// -- delayed messages by key ------------------------------------------------------------------------------------------

struct Remind {
  std::string whom;
};
struct Plan {
  std::string key, whom;
  int minutes = 60;
};
struct Cancel {
  std::string key;
  bool fails = false;
};
struct CancelAll {
  std::string key;
};
struct Replace {
  std::string key;
};
struct WhatWaits {
  using result = std::vector<std::string>;
  std::string key;
};
struct CancelWhileAsking {
  using result = int;
};

std::vector<std::string> reminded;
cancel_result last_cancel;
void remind(const Remind& command) {
  reminded.push_back(command.whom);
  if (command.whom == "slow") throw unavailable("away", "not now");
}
void plan(const Plan& command, publisher& messages) {
  messages.send_later(Remind{command.whom}, std::chrono::minutes(command.minutes), command.key);
}
void cancel(const Cancel& command, delayed_messages& later) {
  last_cancel = later.cancel<Remind>(command.key);
  EXPECT_EQ(later.count<Remind>(command.key), last_cancel.running);
  EXPECT_EQ(later.cancel<Remind>(command.key).cancelled, 0) << "they are taken back once";
  if (command.fails) throw domain_error("no", "no");
}
void cancel_all(const CancelAll& command, delayed_messages& later) {
  last_cancel = {};
  for (auto some = later.cancel<Remind>(command.key); some.cancelled > 0; some = later.cancel<Remind>(command.key))
    last_cancel.cancelled += some.cancelled;
  EXPECT_EQ(later.count<Remind>(command.key), 0);
}
void replace(const Replace& command, delayed_messages& later, publisher& messages) {
  messages.send_later(Remind{"never"}, 1h, command.key);
  EXPECT_EQ(later.count<Remind>(command.key), 2);
  EXPECT_EQ(later.cancel<Remind>(command.key).cancelled, 2);
  messages.send_later(Remind{"instead"}, 1h, command.key);
  EXPECT_EQ(later.list<Remind>(command.key).at(0).command.whom, "instead");
}
std::vector<std::string> what_waits(const WhatWaits& query, delayed_messages& later) {
  std::vector<std::string> all;
  for (const auto& each : later.list<Remind>(query.key)) all.push_back(each.command.whom + " " + format_timestamp(each.due).substr(11, 5));
  return all;
}
int cancel_while_asking(const CancelWhileAsking&, delayed_messages& later) { return static_cast<int>(later.cancel<Remind>("k").cancelled); }

class delayed_by_key : public ::testing::Test {
 protected:
  delayed_by_key() {
    reminded.clear();
    tested.set("management:messages", "true");
    tested.set("management:apiKey", "secret");
  }
  mamey::testing::http_answer get(const std::string& path) { return tested.get(path, key); }
  mamey::testing::header_list key{{"X-Api-Key", "secret"}};
  mamey::testing::harness tested{
      module("m").commands<remind, plan, cancel, cancel_all, replace>().queries<what_waits, cancel_while_asking>()};
};

TEST_F(delayed_by_key, are_listed_and_cancelled_with_the_commit_of_the_handler) {
  tested.send(Plan{"k", "late", 120});
  tested.send(Plan{"k", "early", 60});
  tested.send(Plan{"other", "other", 60});
  EXPECT_EQ(tested.ask(WhatWaits{"k"}), (texts{"early 01:00", "late 02:00"}));
  EXPECT_THROW(tested.send(Cancel{"k", true}), error);
  EXPECT_EQ(tested.ask(WhatWaits{"k"}).size(), 2U) << "the handler failed, and with it what it cancelled";
  tested.send(Cancel{"k"});
  EXPECT_EQ(last_cancel.cancelled, 2);
  EXPECT_EQ(last_cancel.running, 0);
  tested.advance(3h);
  EXPECT_EQ(reminded, (texts{"other"}));
  tested.send(Cancel{"k"});
  EXPECT_EQ(last_cancel.cancelled, 0);
}

TEST_F(delayed_by_key, are_all_cancelled_by_a_handler_that_goes_on_until_none_is_left) {
  const int many = static_cast<int>(delayed_messages::most) + 200;
  for (int i = 0; i < many; ++i) tested.send(Plan{"k", "late", 120});
  tested.send(CancelAll{"k"});
  EXPECT_EQ(last_cancel.cancelled, many);
  tested.advance(3h);
  EXPECT_EQ(reminded, texts{});
}

TEST_F(delayed_by_key, are_replaced_in_one_handler) {
  tested.send(Plan{"k", "first"});
  tested.send(Replace{"k"});
  tested.advance(3h);
  EXPECT_EQ(reminded, (texts{"instead"}));
}

TEST_F(delayed_by_key, are_not_cancelled_by_a_query) {
  tested.send(Plan{"k", "ann"});
  try {
    tested.ask(CancelWhileAsking{});
    FAIL() << "it was allowed";
  } catch (const error& refused) {
    EXPECT_EQ(refused.code(), "only_reads");
  }
}

TEST_F(delayed_by_key, are_shown_to_and_cancelled_by_the_operator) {
  tested.send(Plan{"k", "ann"});
  tested.send(Plan{"k2", "bob", 90});
  const auto all = get("/_messages/delayed");
  ASSERT_EQ(all.status, 200) << all.body;
  EXPECT_NE(all.body.find("\"total\":2"), std::string::npos) << all.body;
  const auto found = get("/_messages/delayed?type=Remind&key=k").body;
  EXPECT_NE(found.find(R"("type":"Remind","key":"k")"), std::string::npos) << found;
  EXPECT_NE(found.find(R"("due":"2025-01-01T01:00:00)"), std::string::npos) << found;
  EXPECT_NE(found.find(R"("running":false)"), std::string::npos) << found;
  EXPECT_NE(found.find("\"total\":1"), std::string::npos) << found;
  const auto begin = found.find("\"id\":\"") + 6;
  const auto id = found.substr(begin, found.find('"', begin) - begin);
  EXPECT_EQ(tested.del("/_messages/delayed/" + id, key).status, 204);
  EXPECT_EQ(tested.del("/_messages/delayed/" + id, key).status, 404);
  EXPECT_EQ(tested.del("/_messages/delayed/" + id).status, 401);
  tested.advance(3h);
  EXPECT_EQ(reminded, (texts{"bob"}));
}

TEST_F(delayed_by_key, that_failed_and_are_to_be_tried_again_can_be_cancelled_too) {
  tested.send(Plan{"k", "slow", 1});
  tested.advance(1min + 500ms);
  const auto tries = reminded.size();
  EXPECT_GT(tries, 0U);
  tested.send(Cancel{"k"});
  EXPECT_EQ(last_cancel.cancelled, 1);
  tested.advance(1h);
  EXPECT_EQ(reminded.size(), tries);
  EXPECT_TRUE(tested.failed().empty());
}

}  // namespace
