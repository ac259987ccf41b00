#include <mamey/observability/health.hpp>

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/core/json.hpp>

namespace mamey::inline v1 {
namespace health {

namespace {

using time_point = std::chrono::steady_clock::time_point;

/// A probe with its last answer. Shared with the run under way, which may outlive the registry.
struct slot {
  explicit slot(health::probe of) : probe(std::move(of)) {}

  const health::probe probe;
  std::mutex mutex;
  bool running = false;
  std::optional<entry> last;
  time_point answered;

  entry make_entry(result answer, std::chrono::microseconds duration = {}) const {
    return {probe.name, answer.status, probe.importance, std::move(answer.message), duration};
  }
};

std::string milliseconds_text(std::chrono::nanoseconds span) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(span).count()) + " ms";
}

result ask(const probe& probe) noexcept {
  try {
    return probe.check();
  } catch (const std::exception& failure) {
    return {status::unhealthy, failure.what()};
  } catch (...) {
    return {status::unhealthy, describe_current_exception().detail};
  }
}

/// One run of a probe. When the runner drops the task unrun, its end frees the slot for the next try.
class run {
 public:
  run(std::shared_ptr<slot> slot, registry::clock now) : slot_(std::move(slot)), now_(std::move(now)) {}
  run(const run&) = delete;
  run& operator=(const run&) = delete;
  ~run() {
    if (!delivered_) deliver(slot_->make_entry({status::unhealthy, "could not be run"}));
  }

  void operator()() {
    const auto begin = now_();
    auto answer = ask(slot_->probe);
    const auto took = now_() - begin;
    if (took > slot_->probe.timeout) {
      answer = {status::unhealthy,
                "answered after " + milliseconds_text(took) + ", allowed are " + milliseconds_text(slot_->probe.timeout)};
    }
    deliver(slot_->make_entry(std::move(answer), std::chrono::duration_cast<std::chrono::microseconds>(took)));
  }

 private:
  void deliver(entry answer) {
    delivered_ = true;
    std::lock_guard lock(slot_->mutex);
    slot_->last = std::move(answer);
    slot_->answered = now_();
    slot_->running = false;
  }

  std::shared_ptr<slot> slot_;
  registry::clock now_;
  bool delivered_ = false;
};

void run_one_by_one(const std::vector<task>& tasks) {
  for (const auto& task : tasks) task.run();
}

/// Whether the caller has to run the probe now; takes it for the caller.
bool claim(slot& slot, time_point now) {
  std::lock_guard lock(slot.mutex);
  if (slot.running || (slot.last && now - slot.answered < slot.probe.cache)) return false;
  return slot.running = true;
}

/// `claimed`: this call ran it.
entry answer_of(slot& slot, bool claimed, time_point now) {
  std::lock_guard lock(slot.mutex);
  if (slot.running && claimed) {
    slot.last = slot.make_entry({status::unhealthy, "no answer within " + milliseconds_text(slot.probe.timeout)}, slot.probe.timeout);
    slot.answered = now;
  }
  return slot.last ? *slot.last : slot.make_entry({status::unhealthy, "no answer yet"});
}

status worse_of(status whole, const entry& one) {
  const auto effect = one.status == status::unhealthy && one.importance == importance::degrading ? status::degraded : one.status;
  return std::max(whole, effect);
}

}  // namespace

struct registry::state {
  std::mutex mutex;
  task_runner runner;
  clock now;
  std::vector<std::shared_ptr<slot>> slots;
  bool started = false;
  bool stopping = false;

  /// What the registry itself answers.
  std::vector<entry> own_entries(kind asked) const {
    std::vector<entry> entries;
    if (asked != kind::liveness && !started) entries.push_back({.name = "startup", .status = status::unhealthy, .message = "starting"});
    if (asked == kind::readiness && stopping) entries.push_back({.name = "shutdown", .status = status::unhealthy, .message = "stopping"});
    return entries;
  }

  std::vector<std::shared_ptr<slot>> slots_of(kind asked) const {
    std::vector<std::shared_ptr<slot>> found;
    std::copy_if(slots.begin(), slots.end(), std::back_inserter(found), [&](const auto& slot) { return has(slot->probe.kinds, asked); });
    return found;
  }
};

registry::registry(task_runner run, clock now) : state_(std::make_unique<state>()) {
  state_->runner = run ? std::move(run) : run_one_by_one;
  state_->now = now ? std::move(now) : std::chrono::steady_clock::now;
}

registry::~registry() = default;

void registry::add(probe probe) {
  if (!probe.check) throw std::logic_error("the health probe " + probe.name + " has no check");
  std::lock_guard lock(state_->mutex);
  for (const auto& slot : state_->slots) {
    if (slot->probe.name == probe.name) throw std::logic_error("there is a health probe " + probe.name + " already");
  }
  state_->slots.push_back(std::make_shared<slot>(std::move(probe)));
}

void registry::remove(std::string_view name) {
  std::lock_guard lock(state_->mutex);
  std::erase_if(state_->slots, [&](const auto& slot) { return slot->probe.name == name; });
}

void registry::set_runner(task_runner run) {
  std::lock_guard lock(state_->mutex);
  state_->runner = run ? std::move(run) : run_one_by_one;
}

void registry::set_started() {
  std::lock_guard lock(state_->mutex);
  state_->started = true;
}

void registry::set_stopping() {
  std::lock_guard lock(state_->mutex);
  state_->stopping = true;
}

report registry::check(kind asked) {
  std::unique_lock lock(state_->mutex);
  const auto now = state_->now;
  const auto runner = state_->runner;
  const auto slots = state_->slots_of(asked);
  report answer{.entries = state_->own_entries(asked)};
  lock.unlock();

  std::vector<task> tasks;
  std::vector<bool> claimed;
  for (const auto& slot : slots) {
    claimed.push_back(claim(*slot, now()));
    if (!claimed.back()) continue;
    tasks.push_back({slot->probe.name, slot->probe.timeout, [one = std::make_shared<run>(slot, now)] { (*one)(); }});
  }
  if (!tasks.empty()) runner(std::move(tasks));

  for (std::size_t i = 0; i < slots.size(); ++i) answer.entries.push_back(answer_of(*slots[i], claimed[i], now()));
  for (const auto& entry : answer.entries) answer.status = worse_of(answer.status, entry);
  return answer;
}

std::string_view name_of(status value) noexcept {
  constexpr std::array<std::string_view, 3> names{"healthy", "degraded", "unhealthy"};
  return names[static_cast<std::size_t>(value)];
}

int http_status(const report& answer) noexcept { return answer.status == status::unhealthy ? 503 : 200; }

std::string to_json(const report& answer) {
  std::string text = R"({"status":)";
  json::write_text(text, name_of(answer.status));
  text += R"(,"checks":[)";
  for (const char* separator = ""; const auto& entry : answer.entries) {
    text += separator;
    text += R"({"name":)";
    json::write_text(text, entry.name);
    text += R"(,"status":)";
    json::write_text(text, name_of(entry.status));
    if (!entry.message.empty()) {
      text += R"(,"message":)";
      json::write_text(text, entry.message);
    }
    text += R"(,"durationMs":)";
    append_text(text, static_cast<double>(entry.duration.count()) / 1000);
    text += '}';
    separator = ",";
  }
  return text + "]}";
}

std::string to_text(const report& answer) {
  std::string text(name_of(answer.status));
  text += '\n';
  for (const auto& entry : answer.entries) {
    if (entry.status == status::healthy && entry.message.empty()) continue;
    text += entry.name + ": ";
    text += name_of(entry.status);
    if (!entry.message.empty()) text += ": " + entry.message;
    text += '\n';
  }
  return text;
}

}  // namespace health
}  // namespace mamey::inline v1
