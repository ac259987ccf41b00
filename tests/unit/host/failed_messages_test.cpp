// What becomes of messages whose handler fails, beside what became of them in Convey: run, handled, told, kept or lost.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <mamey/application.hpp>
#include <mamey/core/error.hpp>
#include <mamey/messaging/error_operations.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <vectors.hpp>

#include "foreign_messages.hpp"

namespace {

using namespace mamey;
using namespace mamey_test;

struct ProbeRejected {
  static constexpr message_options message{.exchange = "wire"};
  std::string what, reason, code;
};

std::map<std::string, int> runs;

void on_probe(const Probe& probe) {
  const auto run = ++runs[probe.what];
  if (probe.what == "throw" || (probe.what == "throw_once" && run == 1)) throw std::runtime_error("the handler threw");
  if (probe.what == "slow") sleep_for(std::chrono::minutes(1));
  if (probe.what == "domain" || probe.what.starts_with("map_")) throw domain_error("domain_error", "not allowed: {}", probe.what);
}

/// As the mapper there: nothing of what it does not know, nor of what it says to keep silent about.
std::optional<ProbeRejected> tell(const Probe& probe, const error_report& why) {
  if (why.kind != error_kind::domain || probe.what.starts_with("map_nomsg")) return std::nullopt;
  return ProbeRejected{probe.what, why.reason, why.code};
}

struct ending {
  std::string runs, handled = "no", told = "nothing", left = "nothing";
};

class failing_beside_convey {
 public:
  void section(simdjson::dom::element section) {
    const auto name = text_in(section, "section");
    // `retries` in our words, and no delayed ones, which are not there.
    std::int64_t retries = 0;
    if (section["rabbitMq"]["retries"].get(retries) != simdjson::SUCCESS) retries = 0;
    const auto immediate = std::to_string(retries < 0 ? 3 : retries);
    auto rabbitmq = simdjson::minify(section["rabbitMq"].value());
    rabbitmq.insert(
        1,
        R"("conventionsCasing": "snakeCase", "exchange": {"name": "wire", "type": "topic", "declare": true, "durable": true}, "context": {"enabled": true}, )");
    const auto settings = R"({"app": {"assembly": "Wire.Bus"}, "messaging": {"immediateRetries": )" + immediate +
                          R"(, "delayedRetries": [], "handlerTimeout": "00:00:01"}, "rabbitMq": )" + rabbitmq + "}";
    run(settings, text_in(section, "mapper") != "none", [&](sqlite_store& records) {
      for (const auto each : section["cases"].get_array()) one(name + " " + text_in(each, "name"), each, records);
    });
  }

  simdjson::dom::array sections() { return recorded_.cases(); }

 private:
  void run(const std::string& settings, bool tells, const std::function<void(sqlite_store&)>& work) {
    simulated_runtime time;
    sqlite_store* records = nullptr;
    auto listening = module("bus").events<on_probe>();
    if (tells) listening.rejects<tell>();
    auto definition = application("bus").add(messaging()).add(std::move(listening)).release();
    keep_in_memory(*definition, [&loop = time.loop()] { return loop.wall_now(); }, records);
    run_over(through_, std::move(definition), settings, time, [&](running_application&) { work(*records); });
  }

  void one(const std::string& name, simdjson::dom::element each, sqlite_store& records) {
    const auto there = recorded(each), here = replayed(each, records);
    recorded_.compare(name + ", runs", there.runs, here.runs);
    recorded_.compare(name + ", handled", there.handled, here.handled);
    recorded_.compare(name + ", told", there.told, here.told);
    recorded_.compare(name + ", left", there.left, here.left);
  }

  static std::string event(const std::string& exchange, const std::string& key, const std::string& correlation, const std::string& context,
                           const std::string& body) {
    return exchange + "/" + key + " " + correlation + " " + context + " " + body;
  }

  static ending recorded(simdjson::dom::element each) {
    ending how;
    std::string wire;
    for (const auto step : each["wire"].get_array()) wire += std::string(std::string_view(step)) + "; ";
    const auto ran = std::int64_t(each["handler_runs"]);
    for (const auto message : each["published"].get_array())
      how.told = event(text_in(message, "exchange"), text_in(message, "routing_key"), text_in(message, "correlation_id"),
                       text_in(message["message_context"], "value"), text_in(message, "body"));
    if (wire == "deliver; ack; " && !text_in(each, "name").starts_with("map_")) how.handled = "in run " + std::to_string(ran);
    if (simdjson::dom::array dead; !each["dead_letter_queue"].get(dead) && dead.size() > 0) how.left = "a dead letter";
    const bool loops = wire.find("without end") != std::string::npos;
    how.runs = loops && ran > 0 ? "without end" : std::to_string(ran);
    if (loops) how.left = "itself, without end";
    return how;
  }

  ending replayed(simdjson::dom::element each, sqlite_store& records) {
    runs.clear();
    through_.published.clear();
    const auto what = text_in(each, "name");
    rabbitmq_detail::message_properties properties{.headers = {{"message_context", std::string(R"({"user":{"id":"u1"}})")}},
                                                   .message_id = uuid::v7().to_compact_string()};
    simdjson::dom::element saw;
    if (!each["handler_saw"].get(saw) && saw.is_object()) properties.correlation_id = text_in(saw, "correlationId");
    const auto settled = through_.acknowledged, given_back = through_.given_back;
    const auto failed = error_operations(records).list(0, 1).total;
    through_.deliver("wire.bus/wire.probe", rabbitmq_detail::from_wire(std::move(properties), bytes_of(each), "wire", "probe", {}));
    sleep_for(std::chrono::minutes(10));  // virtual: all retries are over
    EXPECT_EQ(through_.acknowledged, settled + 1) << what;
    EXPECT_EQ(through_.given_back, given_back) << what;
    ending how;
    how.runs = std::to_string(runs[what]);
    for (const auto& message : through_.published) {
      const auto out = rabbitmq_detail::to_wire(message, {.with_context = true});
      how.told = event(message.exchange, message.routing_key, out.correlation_id,
                       std::get<std::string>(*rabbitmq_detail::find_field(out.headers, "message_context")), message.body);
    }
    const auto kept = error_operations(records).list(0, 1);
    if (kept.total > failed)
      how.left = "a record in the error store";
    else
      how.handled = "in run " + std::to_string(runs[what]);
    return how;
  }

  mamey::testing::vectors recorded_{"rabbitmq", "failures.json"};
  fed_transport through_;
};

TEST(failed_messages, are_handled_told_and_left_as_in_convey_but_never_lost) {
  failing_beside_convey beside;
  for (const auto section : beside.sections()) beside.section(section);
}

}  // namespace
