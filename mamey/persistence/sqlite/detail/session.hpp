#pragma once

/// @file
/// An interactive transaction: the writer's connection, alone, for a bounded time. Its statements run on the writer's thread, one at a
/// time, as they are sent.

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include <mamey/persistence/sqlite/detail/connection.hpp>
#include <mamey/persistence/sqlite/detail/job.hpp>

namespace mamey::inline v1::sqlite_detail {

class session {
 public:
  session(sqlite_environment::waiting how, std::chrono::nanoseconds bound, std::chrono::nanoseconds answer_bound)
      : wait_(how), bound_(bound), answer_bound_(answer_bound) {}
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  // -- the caller's side ------------------------------------------------------------------------------------------------

  /// Runs `body(connection&)` inside the transaction. Throws `deadline_exceeded` once the transaction was open too long.
  template <class Apply>
  auto run(Apply body) {
    auto made = std::make_shared<job_of<Apply>>(std::move(body), wait_, durability::synced, 0);
    send(made, after::stay_open);
    return made->take_result();
  }
  /// Applies `changes` and commits; if that fails, everything is rolled back.
  void commit(const std::shared_ptr<job>& changes) { send(changes, after::commit); }
  /// Rolls back what is still open. Does not wait.
  void end() noexcept { close(over::ended); }

  // -- the writer's side ------------------------------------------------------------------------------------------------

  /// Serves an open transaction until it is committed, rolled back, or out of time. Calls `wake` before it answers a commit.
  void serve(connection& on, const std::function<void(written_rows)>& wake);
  /// The store closes.
  void stop() noexcept { close(over::stopped); }

 private:
  enum class after : std::uint8_t { stay_open, commit };
  enum class over : std::uint8_t { no, ended, expired, stopped, lost };
  struct step {
    std::shared_ptr<job> work;
    after then = after::stay_open;
  };

  void send(const std::shared_ptr<job>& work, after then);
  void close(over why) noexcept;
  [[noreturn]] void refuse(over why) const;
  bool next(step& found, std::chrono::steady_clock::time_point until);
  void perform(step& current, connection& on);
  void answer_rest();

  const sqlite_environment::waiting wait_;
  const std::chrono::nanoseconds bound_, answer_bound_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<step> steps_;
  over over_ = over::no;
};

}  // namespace mamey::inline v1::sqlite_detail
