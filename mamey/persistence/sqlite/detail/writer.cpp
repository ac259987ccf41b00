#include <mamey/persistence/sqlite/detail/writer.hpp>

#include <pthread.h>

#include <algorithm>
#include <filesystem>
#include <new>
#include <system_error>
#include <thread>

#include <mamey/core/error.hpp>
#include <mamey/persistence/sqlite/detail/transaction.hpp>

namespace mamey::inline v1::sqlite_detail {
namespace {

constexpr int frames_between_checkpoints = 1'000;  // 4 MiB, SQLite's own default
constexpr auto nearly_full_lasts = std::chrono::minutes(1);
constexpr int frames_worth_waiting = 64'000;  // readers have kept the log from starting over: wait for them once

bool is_storage_failure(const std::exception_ptr& failure) {
  const auto kind = describe(failure).kind;
  return kind == error_kind::unavailable || kind == error_kind::commit_unknown;
}

/// For what a log usually grows to.
bool has_room(const std::string& file) {
  constexpr std::uintmax_t usual_log = 4 << 20;
  std::error_code unknown;
  const auto space = std::filesystem::space(std::filesystem::path(file).parent_path(), unknown);
  return !unknown && space.available > usual_log;
}

/// Waits in the queue for a transaction of its own, and serves it.
class session_job final : public job {
 public:
  session_job(std::shared_ptr<session> opens, const std::function<bool(connection&)>& first, std::function<void(written_rows)> wake,
              sqlite_environment::waiting how)
      : job(how, durability::synced, 0), session_(std::move(opens)), first_(&first), wake_(std::move(wake)) {}

  void apply(connection& on) override {
    begin_transaction(on);
    try {
      granted_ = (*first_)(on);
    } catch (...) {
      roll_back_if_open(on);
      throw;
    }
    if (!granted_) return roll_back_if_open(on);
    finish();
    session_->serve(on, wake_);
  }
  void stop() noexcept override { session_->stop(); }

  /// Null when `first` said no.
  std::shared_ptr<session> granted() const { return granted_ ? session_ : nullptr; }

 private:
  const std::shared_ptr<session> session_;
  const std::function<bool(connection&)>* first_;  // the caller's; not used once it is answered
  const std::function<void(written_rows)> wake_;
  bool granted_ = false;
};

}  // namespace

writer::writer(const sqlite_options& options, const sqlite_environment& environment)
    : wait_(environment.wait),
      answer_bound_(options.answer_bound),
      most_members_(static_cast<std::size_t>(std::max(options.group_members, 1))),
      most_bytes_(static_cast<std::size_t>(std::max(options.group_bytes, 1))),
      most_queued_(static_cast<std::size_t>(std::max(options.queue_limit, 1))),
      durable_(environment.durable == sqlite_environment::durability::required),
      connection_(options, access::write),
      file_(options),
      thread_([this] { loop(); }) {
  pthread_setname_np(thread_.native_handle(), "mamey-sqlite");
}

writer::~writer() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    if (alone_) alone_->stop();
  }
  changed_.notify_one();
}

// -- the callers' side ------------------------------------------------------------------------------------------------

void writer::submit(std::shared_ptr<job> made, company with) {
  const std::scoped_lock lock(mutex_);
  if (stopping_) throw unavailable("store_closed", "{file}: the store closes", connection_.file());
  if (queue_.size() >= most_queued_)
    throw unavailable("write_queue_full", "{file}: {count} units of work are waiting already", connection_.file(), queue_.size());
  const bool idle = queue_.empty();
  queue_.push_back({std::move(made), with == company::none});
  if (idle) changed_.notify_one();
}

void writer::run_alone(const std::function<void(connection&)>& body) {
  const auto call = [&body](connection& on) { body(on); };
  const auto made = std::make_shared<job_of<decltype(call)>>(call, wait_, durability::synced, 0);
  submit(made, company::none);
  await(*made, answer_bound_);
}

std::shared_ptr<session> writer::open_session(std::chrono::nanoseconds bound, const std::function<bool(connection&)>& first) {
  const auto made = std::make_shared<session_job>(
      std::make_shared<session>(wait_, bound, answer_bound_), first, [this](written_rows rows) { wake(rows); }, wait_);
  submit(made, company::none);
  await(*made, answer_bound_);
  return made->granted();
}

void writer::on_commit(std::function<void(written_rows)> wake) {
  const std::scoped_lock lock(wake_mutex_);
  wake_ = std::move(wake);
}

sqlite_statistics writer::statistics() const {
  const std::scoped_lock lock(mutex_);
  auto now = counted_;
  now.queued = queue_.size();
  return now;
}

void writer::check() const {
  const std::scoped_lock lock(mutex_);
  if (last_failure_) std::rethrow_exception(last_failure_);
  if (last_without_room_ && std::chrono::steady_clock::now() - when_without_room_ < nearly_full_lasts && !has_room(connection_.file()))
    throw unavailable("disk_nearly_full", "a unit of work was refused within the last minute: {cause}",
                      describe(last_without_room_).reason);
}

// -- the thread -------------------------------------------------------------------------------------------------------

void writer::loop() {
  turn next;
  while (take_when_possible(next)) {
    if (next.alone)
      run_alone(*next.alone);
    else if (!next.group.empty())
      run_group(next.group);
    tidy_log();
  }
}

bool writer::take_when_possible(turn& next) {
  for (;;) {
    try {
      return take(next);
    } catch (const std::bad_alloc&) {                              // nothing has been taken: what is queued waits
      std::this_thread::sleep_for(std::chrono::milliseconds(10));  // not banned: a thread of the store, no event loop
    }
  }
}

/// False when the store closes and nothing is left. Throws std::bad_alloc before it takes anything.
bool writer::take(turn& next) {
  next.group.clear();
  next.alone.reset();
  std::unique_lock lock(mutex_);
  alone_ = nullptr;
  changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
  if (queue_.empty()) return false;
  next.group.reserve(std::min(queue_.size(), most_members_));
  std::size_t bytes = 0;
  while (!queue_.empty() && next.group.size() < most_members_ && bytes < most_bytes_) {
    if (queue_.front().alone && !next.group.empty()) break;
    auto [work, alone] = std::move(queue_.front());
    queue_.pop_front();
    if (!work->move(job::phase::queued, job::phase::applying)) continue;  // taken back by its caller
    if (alone) {
      if (stopping_) work->stop();
      next.alone = alone_ = std::move(work);
      return true;
    }
    bytes += work->bytes;
    next.group.push_back(std::move(work));
  }
  return true;
}

void writer::run_alone(job& work) {
  std::exception_ptr failure;
  try {
    file_.refuse_if_replaced();
    make_synchronous(durability::synced);
    work.apply(connection_);
  } catch (...) {
    failure = std::current_exception();
    if (work.state != job::phase::done) work.failure = failure;
  }
  work.finish();
  note(failure);
  {
    const std::scoped_lock lock(mutex_);
    ++counted_.interactive;
  }
}

void writer::run_group(const batch& members) {
  sqlite_statistics round;
  if (!try_together(members, round)) {
    // The transaction is gone, and with it what the members saw of each other: every outcome so far is void.
    ++round.replays;
    for (const auto& each : members) {
      each->failure = nullptr;
      try_together({&each, 1}, round);
    }
  }
  answer_all(members, round);
}

/// False when SQLite lost the transaction under several members.
bool writer::try_together(std::span<const std::shared_ptr<job>> members, sqlite_statistics& round) {
  const bool syncs = std::ranges::any_of(members, [](const auto& each) { return each->durable == durability::synced; });
  try {
    file_.refuse_if_replaced();
    make_synchronous(syncs ? durability::synced : durability::relaxed);
    begin_transaction(connection_);
  } catch (...) {
    fail_all(members, std::current_exception());
    return true;
  }
  for (const auto& each : members) {
    apply(*each, members.size() > 1);
    if (connection_.autocommit()) return members.size() == 1;
  }
  if (commit(members)) {
    ++round.groups;
    round.members += members.size();
    round.syncs += syncs ? 1 : 0;
  }
  return true;
}

void writer::apply(job& member, bool shared) {
  try {
    if (!shared) {
      member.apply(connection_);
      return check_foreign_keys(connection_);
    }
    savepoint point(connection_);
    member.apply(connection_);
    check_foreign_keys(connection_);
    point.release();
  } catch (...) {
    member.failure = std::current_exception();
  }
}

bool writer::commit(std::span<const std::shared_ptr<job>> members) {
  if (std::ranges::all_of(members, [](const auto& each) { return each->failure != nullptr; })) {
    roll_back_if_open(connection_);
    return false;
  }
  for (const auto& each : members) each->state = job::phase::sealed;
  try {
    commit_transaction(connection_);
    return true;
  } catch (...) {
    roll_back_if_open(connection_);
    // Refusals too: they may rest on what another member did and now did not.
    fail_all(members, std::current_exception());
    return false;
  }
}

void writer::fail_all(std::span<const std::shared_ptr<job>> members, const std::exception_ptr& failure) {
  for (const auto& each : members) each->failure = failure;
}

void writer::answer_all(const batch& members, const sqlite_statistics& round) {
  std::exception_ptr storage_failure;
  bool any_committed = false;
  written_rows wrote;
  for (const auto& each : members) {
    const auto failure = each->failure;  // the caller's own once it is answered
    if (!failure)
      any_committed = true, wrote |= each->committed();
    else if (is_storage_failure(failure))
      storage_failure = failure;
  }
  {
    const std::scoped_lock lock(mutex_);
    counted_.groups += round.groups;
    counted_.members += round.members;
    counted_.syncs += round.syncs;
    counted_.replays += round.replays;
    counted_.failed +=
        static_cast<std::uint64_t>(std::ranges::count_if(members, [](const auto& each) { return each->failure != nullptr; }));
    if (storage_failure && describe(storage_failure).code == "disk_full")
      last_without_room_ = storage_failure, when_without_room_ = std::chrono::steady_clock::now();
    if (any_committed)
      last_failure_ = nullptr;
    else if (storage_failure)
      last_failure_ = storage_failure;
  }
  wake(wrote);
  for (const auto& each : members) each->finish();
}

void writer::note(const std::exception_ptr& outcome) {
  const std::scoped_lock lock(mutex_);
  if (!outcome)
    last_failure_ = nullptr;
  else if (is_storage_failure(outcome))
    last_failure_ = outcome;
}

void writer::wake(written_rows rows) {
  if (!rows.any()) return;
  const std::scoped_lock lock(wake_mutex_);  // held during the call: code that removes the callback may then destroy its objects
  if (wake_) wake_(rows);
}

void writer::make_synchronous(durability needed) {
  if (needed == synchronous_ || !durable_) return;
  connection_.execute(needed == durability::synced ? "pragma synchronous = full" : "pragma synchronous = normal");
  synchronous_ = needed;
}

void writer::tidy_log() {
  const auto frames = connection_.log_frames();
  if (frames < checkpointed_frames_) checkpointed_frames_ = 0;  // the log has started over
  if (frames - checkpointed_frames_ < frames_between_checkpoints) return;
  connection_.checkpoint(frames < frames_worth_waiting ? connection::checkpoint_mode::passive : connection::checkpoint_mode::truncate);
  checkpointed_frames_ = frames;
  const std::scoped_lock lock(mutex_);
  ++counted_.checkpoints;
}

}  // namespace mamey::inline v1::sqlite_detail
