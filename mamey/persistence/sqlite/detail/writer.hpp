#pragma once

/// @file
/// The one thread that writes. It takes everything queued, applies it in one transaction, each member in a savepoint of its own, and
/// answers all after COMMIT: under load one sync of the disk serves many.

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include <mamey/persistence/sqlite/detail/connection.hpp>
#include <mamey/persistence/sqlite/detail/job.hpp>
#include <mamey/persistence/sqlite/detail/open_file.hpp>
#include <mamey/persistence/sqlite/detail/session.hpp>

namespace mamey::inline v1::sqlite_detail {

class writer {
 public:
  /// Opens the file and starts the thread.
  writer(const sqlite_options& options, const sqlite_environment& environment);
  ~writer();  ///< commits what is queued, then ends
  writer(const writer&) = delete;
  writer& operator=(const writer&) = delete;

  /// Applies `body(connection&)` in a group and returns what it returned, once committed. `body` runs on the writer's thread, perhaps
  /// twice, and may refer to the caller's data; its result must not.
  template <class Apply>
  auto run(durability durable, Apply body, std::size_t bytes = 0) {
    auto made = std::make_shared<job_of<Apply>>(std::move(body), wait_, durable, bytes);
    submit(made, company::group);
    await(*made, answer_bound_);
    return made->take_result();
  }

  /// The same for a job of the caller's own class.
  void run(const std::shared_ptr<job>& made) {
    submit(made, company::group);
    await(*made, answer_bound_);
  }

  /// Runs `body(connection&)` between groups, outside any transaction: migrations.
  void run_alone(const std::function<void(connection&)>& body);

  /// Opens a transaction that nobody shares, for at most `bound`; waits for its turn. `first` runs inside it at once; if it returns false
  /// the transaction is rolled back and the result is null.
  std::shared_ptr<session> open_session(std::chrono::nanoseconds bound, const std::function<bool(connection&)>& first);

  /// Called on the writer's thread after a commit of which a member wrote rows that others look for, before it is answered. Once it is
  /// replaced, the old one is not running any more.
  void on_commit(std::function<void(written_rows)> wake);

  /// Calls what `on_commit` set, if there are any.
  void wake(written_rows rows);

  sqlite_statistics statistics() const;
  sqlite_environment::waiting waiting() const noexcept { return wait_; }
  std::chrono::nanoseconds answer_bound() const noexcept { return answer_bound_; }

  /// Throws while the last write failed for the disk's sake: with that error. Also `disk_nearly_full` when small units of work succeed and
  /// larger ones were refused for want of room within the last minute.
  void check() const;
  /// Throws when the file is not where it was opened any more.
  void refuse_if_replaced() { file_.refuse_if_replaced(); }

 private:
  using batch = std::vector<std::shared_ptr<job>>;
  /// What the thread does next: a group, or one thing alone.
  struct turn {
    batch group;
    std::shared_ptr<job> alone;
  };
  struct queued {
    std::shared_ptr<job> work;
    bool alone = false;
  };
  enum class company : std::uint8_t { group, none };

  void submit(std::shared_ptr<job> made, company with);

  void loop();
  bool take_when_possible(turn& next);
  bool take(turn& next);
  void run_alone(job& work);
  void run_group(const batch& members);
  bool try_together(std::span<const std::shared_ptr<job>> members, sqlite_statistics& round);
  void apply(job& member, bool shared);
  bool commit(std::span<const std::shared_ptr<job>> members);
  void fail_all(std::span<const std::shared_ptr<job>> members, const std::exception_ptr& failure);
  void answer_all(const batch& members, const sqlite_statistics& round);
  void note(const std::exception_ptr& outcome);
  void make_synchronous(durability needed);
  void tidy_log();

  const sqlite_environment::waiting wait_;
  const std::chrono::nanoseconds answer_bound_;
  const std::size_t most_members_, most_bytes_, most_queued_;
  const bool durable_;
  connection connection_;
  open_file file_;
  durability synchronous_ = durability::synced;
  int checkpointed_frames_ = 0;  ///< of the log, when it was last copied into the file

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<queued> queue_;
  bool stopping_ = false;
  std::shared_ptr<job> alone_;  ///< being run; asked to stop when the store closes
  std::exception_ptr last_failure_;
  std::exception_ptr last_without_room_;
  std::chrono::steady_clock::time_point when_without_room_{};
  sqlite_statistics counted_;
  std::mutex wake_mutex_;
  std::function<void(written_rows)> wake_;
  std::jthread thread_;
};

}  // namespace mamey::inline v1::sqlite_detail
