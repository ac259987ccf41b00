#pragma once

/// @file
/// For services.
/// Health: is the service alive, ready, started? Named probes with a timeout and a cache time, and one answer made of them.
///
///     health.add({.name = "sqlite", .kinds = mamey::health::kind::readiness, .check = [&] { return ping(store); }});
///     auto report = health.check(mamey::health::kind::readiness);  // http_status(report), to_json(report), to_text(report)

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mamey::inline v1 {
namespace health {

enum class status : std::uint8_t { healthy, degraded, unhealthy };
std::string_view name_of(status value) noexcept;

/// The questions an orchestrator asks; a probe may answer several: `kind::liveness | kind::readiness`.
enum class kind : std::uint8_t {
  liveness = 1,   ///< should the process be restarted? Only what a restart would cure.
  readiness = 2,  ///< should it get traffic?
  startup = 4,    ///< has it started? Before that the other two are not asked.
};
constexpr kind operator|(kind left, kind right) noexcept {
  return static_cast<kind>(static_cast<std::uint8_t>(left) | static_cast<std::uint8_t>(right));
}
constexpr bool has(kind set, kind one) noexcept { return (static_cast<std::uint8_t>(set) & static_cast<std::uint8_t>(one)) != 0; }

/// The state of the service when the probe fails.
enum class importance : std::uint8_t {
  critical,   ///< the service is unhealthy
  degrading,  ///< the service works, but is degraded
};

struct result {
  health::status status = health::status::healthy;
  std::string message;  ///< for an operator; no secrets, anybody may read the page
};

struct probe {
  std::string name;  ///< unique in the registry
  kind kinds = kind::readiness;
  health::importance importance = health::importance::critical;
  std::chrono::milliseconds timeout{2'000};
  std::chrono::milliseconds cache{1'000};  ///< how long an answer is kept before the probe runs again
  std::function<result()> check;           ///< an exception makes the probe unhealthy, with the exception's message
};

struct entry {
  std::string name;
  health::status status = health::status::healthy;
  health::importance importance = health::importance::critical;
  std::string message;
  std::chrono::microseconds duration{0};  ///< of the run that gave the answer
};

struct report {
  health::status status = health::status::healthy;  ///< of the whole
  std::vector<entry> entries;                       ///< in the order of registration
};

/// 200 for healthy and degraded, 503 for unhealthy.
int http_status(const report& answer) noexcept;
/// `{"status":"degraded","checks":[{"name":"cache","status":"unhealthy","message":"…","durationMs":1.25}]}`
std::string to_json(const report& answer);
/// The status, then one line per probe that is not healthy.
std::string to_text(const report& answer);

/// One probe to run.
struct task {
  std::string name;
  std::chrono::milliseconds timeout{0};
  std::function<void()> run;  ///< does not throw; owns what it needs, so it may outlive the call that started it
};

/// Starts all tasks and returns when each has ended or its timeout has passed. The host passes a function that starts fibers with
/// deadlines.
using task_runner = std::function<void(std::vector<task> tasks)>;

/// The probes of one application. Thread-safe. No lock is held while a probe runs.
class registry {
 public:
  using clock = std::function<std::chrono::steady_clock::time_point()>;

  /// Without `run`, probes run one after the other in the caller; a probe that hangs blocks the caller.
  explicit registry(task_runner run = {}, clock now = {});
  ~registry();
  registry(const registry&) = delete;
  registry& operator=(const registry&) = delete;

  /// Throws std::logic_error when the name is taken or there is no check.
  void add(probe probe);
  /// No further run starts; a running one may still end later.
  void remove(std::string_view name);
  void set_runner(task_runner run);

  /// The state of all probes for the question `asked`. Runs the probes whose last answer is older than their cache time. A probe that does
  /// not answer in time is unhealthy ("no answer within 2000 ms"), and is not started a second time while it hangs. A probe that another
  /// call is running shows its previous answer.
  report check(kind asked);

  /// The startup question, and readiness with it, fail until this is called.
  void set_started();
  /// Readiness fails from now on: first step of a shutdown.
  void set_stopping();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace health
}  // namespace mamey::inline v1
