#include <mamey/scheduling/job_runner.hpp>

#include <algorithm>
#include <mutex>
#include <random>
#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/messaging/handling.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/scheduling/job_turn.hpp>

namespace mamey::inline v1 {
namespace {

using std::chrono::sys_seconds;

const logger log{"mamey.scheduling"};

/// A clock that was set back by less is waited for: occurrences are times, and these have been.
constexpr auto most_waited_for = std::chrono::hours(1);

sys_seconds seconds_of(wall_time time) { return std::chrono::floor<std::chrono::seconds>(time); }

}  // namespace

struct job_runner::state {
  unit_store& units;
  job_store& rows;
  const job_runner_settings settings;

  struct entry {
    recurring_job declared;
    job_statistics shown;              ///< guarded by `guard`
    std::string in_effect;             ///< text of `followed`
    std::optional<schedule> followed;  ///< the row's: another instance may have declared another one
    std::string unreadable;            ///< a schedule that was logged
  };
  std::vector<entry> jobs;
  bool declared = false;  ///< once: after an outage of the store a newer instance may have declared another schedule
  mutable std::mutex guard;
  std::minstd_rand random{settings.seed != 0 ? settings.seed : std::random_device{}()};

  enum class written : std::uint8_t { by_us, by_another };
  written write(change_set changes);
  job_list look();
  void declare();
  bool declare_one(entry& job, const job_row& row, wall_time now);
  static bool lies_too_far_ahead(const job_row& row, const schedule& when, wall_time now);
  std::chrono::nanoseconds start_due();
  const schedule* schedule_of(entry& job, const job_row& row);
  bool start(entry& job, const job_row& row, const schedule& when, sys_seconds now);
  void replan(const job_row& row, const schedule& when, wall_time now);
  void tell(const entry& job, const job_turn& turn, sys_seconds first, sys_seconds now) const;
};

job_runner::job_runner(unit_store& units, job_store& rows, std::vector<recurring_job> jobs, job_runner_settings settings)
    : state_(new state{.units = units, .rows = rows, .settings = settings, .jobs = {}}) {
  for (auto& each : jobs) {
    state_->jobs.push_back({.declared = std::move(each), .shown = {}, .in_effect = {}, .followed = {}, .unreadable = {}});
    auto& added = state_->jobs.back();
    added.shown.name = added.declared.name;
    added.shown.row.name = added.declared.name;
  }
}
job_runner::~job_runner() = default;

std::vector<job_statistics> job_runner::statistics() const {
  const std::lock_guard lock(state_->guard);
  std::vector<job_statistics> all;
  for (const auto& each : state_->jobs) all.push_back(each.shown);
  return all;
}

void job_runner::run() {
  if (!state_->declared) state_->declare();
  state_->declared = true;
  for (;;) {
    const auto pause = state_->start_due();
    std::uniform_int_distribution<std::int64_t> late(0, std::max<std::int64_t>(0, state_->settings.spread.count()));
    sleep_for(pause + std::chrono::milliseconds(late(state_->random)));
  }
}

/// An instance that was faster is no failure: the next look shows what it did.
job_runner::state::written job_runner::state::write(change_set changes) {
  const masked_section masked;
  try {
    units.commit(changes);
    return written::by_us;
  } catch (const concurrency_conflict&) {
    return written::by_another;
  }
}

job_list job_runner::state::look() {
  auto found = [&] {
    const masked_section masked;
    return rows.list_jobs();
  }();
  const std::lock_guard lock(guard);
  for (const auto& row : found.rows) {
    for (auto& each : jobs) {
      if (each.declared.name == row.name) each.shown.row = row;
    }
  }
  return found;
}

/// The instance that started last decides. A row that says the same already stays: also its next time, which may have passed.
void job_runner::state::declare() {
  constexpr int most_tries = 20;
  for (int tries = 1;; ++tries) {
    const auto found = look();
    bool done = true;
    for (auto& each : jobs) {
      const auto row = std::ranges::find(found.rows, each.declared.name, &job_row::name);
      done = declare_one(each, row == found.rows.end() ? job_row{.name = each.declared.name, .schedule = {}} : *row, found.now) && done;
    }
    if (done) break;
    if (tries == most_tries) throw unavailable("jobs_contended", "other instances change the rows of the recurring jobs all the time");
    sleep_for(std::chrono::milliseconds(tries) * static_cast<int>(random() % 10));
  }
  look();
}

bool job_runner::state::declare_one(entry& job, const job_row& row, wall_time now) {
  const auto& wanted = job.declared;
  const bool is_the_same = row.version > 0 && row.schedule == wanted.when.text() && row.enabled == wanted.enabled;
  if (is_the_same && !lies_too_far_ahead(row, wanted.when, now)) return true;
  auto changed = row;
  changed.schedule = wanted.when.text();
  changed.enabled = wanted.enabled;
  changed.next = wanted.when.next_after(seconds_of(now)).value_or(never);
  if (write({.jobs = {changed}}) == written::by_another) return false;
  log.info("job {job}: {schedule}{enabled}, next at {next}", wanted.name, changed.schedule, changed.enabled ? "" : " (disabled)",
           changed.next);
  return true;
}

/// A time that was planned earlier is at most the one that would be planned now, unless the clock has been set back since.
bool job_runner::state::lies_too_far_ahead(const job_row& row, const schedule& when, wall_time now) {
  return row.next > when.next_after(seconds_of(now + most_waited_for)).value_or(never);
}

/// The row's schedule, not ours: while instances are replaced one by one, all follow the one that was declared last.
const schedule* job_runner::state::schedule_of(entry& job, const job_row& row) {
  if (job.followed && job.in_effect == row.schedule) return &*job.followed;
  try {
    job.followed = row.schedule == job.declared.when.text() ? job.declared.when : schedule::parse(row.schedule);
    job.in_effect = row.schedule;
    return &*job.followed;
  } catch (const error& failure) {  // of a newer release, which starts it as well
    if (std::exchange(job.unreadable, row.schedule) != row.schedule)
      log.warning("job {job} is left to other instances: {reason}", row.name, failure);
    return nullptr;
  }
}

/// Starts what is due; returns the time until the next look.
std::chrono::nanoseconds job_runner::state::start_due() {
  const auto found = look();
  std::chrono::nanoseconds pause = settings.longest_sleep;
  for (const auto& row : found.rows) {
    const auto job = std::ranges::find_if(jobs, [&](const entry& each) { return each.declared.name == row.name; });
    if (job == jobs.end() || !row.enabled) continue;
    const auto* const when = schedule_of(*job, row);
    if (!when) continue;
    if (lies_too_far_ahead(row, *when, found.now)) {
      replan(row, *when, found.now);
      pause = std::chrono::nanoseconds(0);
      continue;
    }
    if (row.next > found.now) {
      pause = std::min(pause, saturating_cast<std::chrono::nanoseconds>(row.next - found.now));
      continue;
    }
    if (start(*job, row, *when, seconds_of(found.now))) pause = std::chrono::nanoseconds(0);  // the row shows what comes next
  }
  return pause;
}

/// Times that lie ahead come once more; a handler that has had their messages does not get them again.
void job_runner::state::replan(const job_row& row, const schedule& when, wall_time now) {
  auto changed = row;
  changed.next = when.next_after(seconds_of(now)).value_or(never);
  if (write({.jobs = {changed}}) == written::by_us)
    log.warning("the clock of the store was set back by hours: job {job}, which was due next at {before}, is due at {next}", row.name,
                row.next, changed.next);
}

/// False: the message could not be made, and the row stays as it is.
bool job_runner::state::start(entry& job, const job_row& row, const schedule& when, sys_seconds now) {
  const auto first = seconds_of(row.next);
  const auto turn = turn_of(when, job.declared.missed, job.declared.tolerance, first, now);
  change_set changes;
  auto next = row;
  next.next = turn.next;
  next.missed += turn.missed;
  if (turn.due) {
    next.last = *turn.due;
    ++next.runs;
    try {
      job.declared.record({.job = row.name, .time = *turn.due, .missed = turn.missed}, changes);
    } catch (const std::exception&) {  // the other jobs go on
      const auto failure = describe_current_exception();
      log.error("job {job} cannot make its message for {due} and tries again: {code}: {detail}", row.name, timestamp(*turn.due),
                failure.code, failure.detail.empty() ? failure.reason : failure.detail);
      return false;
    }
  }
  changes.jobs.push_back(std::move(next));
  if (write(std::move(changes)) == written::by_another) return true;
  {
    const std::lock_guard lock(guard);
    if (turn.due) ++job.shown.runs;
    job.shown.missed += static_cast<std::uint64_t>(turn.missed);
  }
  tell(job, turn, first, now);
  return true;
}

void job_runner::state::tell(const entry& job, const job_turn& turn, sys_seconds first, sys_seconds now) const {
  const auto& name = job.declared.name;
  if (turn.missed > 0) {
    log.warning("job {job} missed {count} occurrences, the first of {first}; {consequence}", name, turn.missed, timestamp(first),
                turn.due ? "the one of " + format_timestamp(*turn.due) + " runs now" : std::string("they are skipped"));
  } else if (now - first > job.declared.tolerance) {
    log.warning("job {job} runs late: it was due at {due}", name, timestamp(first));
  } else {
    log.debug("job {job} runs, due at {due}", name, timestamp(first));
  }
}

std::string message_id_of(const occurrence& due) { return derived_id("job " + due.job, format_timestamp(due.time)); }

}  // namespace mamey::inline v1
