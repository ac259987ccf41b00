// The service under the eyes of test_rabbitmq_failures.py and test_rabbitmq_shared_queue.py: the handler whose failures .NET services were recorded
// with, and one of a second type. Each run is a line of JSON on standard output, and each run that came to its end is another.
//
// usage: rabbitmq_probe silent|mapper|shared|ordered|storeless [SETTING…]
//   silent     one type, nothing is published
//   mapper     likewise, and a rejected event for what the recorded mapper knows
//   shared     two types
//   ordered    likewise, in the order of their keys
//   storeless  two types, no store
#include <cstdio>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <mamey/application.hpp>
#include <mamey/core/json.hpp>
#include <mamey/messaging/rabbitmq/feature.hpp>
#include <mamey/persistence/sqlite/feature.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>

namespace {

using namespace mamey;

enum class Colour : int { red, dark_blue };
struct Probe {
  static constexpr message_options message{.exchange = "wire"};
  std::string what;
  int number = 0;
  uuid id;
  Colour colour = Colour::red;
};
struct ProbeRejected {
  static constexpr message_options message{.exchange = "wire"};
  std::string what, reason, code;
};
struct Note {
  static constexpr message_options message{.exchange = "wire"};
  std::string text;
};

struct run_line {
  std::string event, handler, correlation_id, context, what;
  int number = 0;
  uuid id;
  int colour = 0;
};

std::mutex guard;
std::map<std::string, int> runs;  // by correlation id

void say(const run_line& what) {
  const auto line = json::to_string(what) + "\n";
  const std::lock_guard lock(guard);
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
}

int begin(run_line& line) {
  const auto& around = current_context();
  line.event = "run";
  line.correlation_id = around.correlation_id;
  line.context = around.correlation_context;
  say(line);
  const std::lock_guard lock(guard);
  return ++runs[line.correlation_id];
}

void end(run_line& line) {
  line.event = "end";
  say(line);
}

/// What the text asks for.
void misbehave(std::string_view what, int run) {
  if (what == "throw" || (what == "throw_once" && run == 1)) throw std::runtime_error("the handler threw");
  if (what == "slow") sleep_for(std::chrono::minutes(1));
  if (what == "domain" || what.starts_with("map_")) throw domain_error("domain_error", "not allowed: {}", what);
}

void on_probe(const Probe& probe) {
  run_line line{.event = {},
                .handler = "on_probe",
                .correlation_id = {},
                .context = {},
                .what = probe.what,
                .number = probe.number,
                .id = probe.id,
                .colour = static_cast<int>(probe.colour)};
  misbehave(probe.what, begin(line));
  end(line);
}

void on_note(const Note& note) {
  run_line line{.event = {}, .handler = "on_note", .correlation_id = {}, .context = {}, .what = note.text};
  misbehave(note.text, begin(line));
  end(line);
}

/// As the recorded mapper: nothing of what it does not know, nor of what it says to keep silent about.
std::optional<ProbeRejected> tell(const Probe& probe, const error_report& why) {
  if (why.kind != error_kind::domain || probe.what.starts_with("map_nomsg")) return std::nullopt;
  return ProbeRejected{probe.what, why.reason, why.code};
}

module listening(std::string_view mode) {
  auto made = module("probe");
  if (mode == "shared" || mode == "storeless") return std::move(made).events<on_probe, on_note>();
  if (mode == "ordered") return std::move(made).events<on_probe, on_note>().ordered<Probe>();
  made.events<on_probe>();
  if (mode == "mapper") made.rejects<tell>();
  return made;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode != "silent" && mode != "mapper" && mode != "shared" && mode != "ordered" && mode != "storeless") {
    std::cerr << "usage: rabbitmq_probe silent|mapper|shared|ordered|storeless [SETTING…]\n";
    return 2;
  }
  argv[1] = argv[0];
  auto made = application("rabbitmq_probe").add(rabbitmq()).add(messaging()).add(listening(mode));
  if (mode != "storeless") made.add(sqlite());
  return made.run(argc - 1, argv + 1);
}
