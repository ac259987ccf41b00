#pragma once

/// @file
/// Work for the writer thread, and waiting for its answer.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include <mamey/messaging/unit_store.hpp>
#include <mamey/persistence/sqlite/options.hpp>
#include <mamey/runtime/sync.hpp>

namespace mamey::inline v1::sqlite_detail {

class connection;

/// Set once by the writer's thread; waited for by one fiber or thread.
class answer {
 public:
  explicit answer(sqlite_environment::waiting how) : block_(how == sqlite_environment::waiting::block) {}
  void set();
  /// False when `span` passed first. Honours deadline and cancellation of the context, unless it blocks the thread.
  bool wait_for(std::chrono::nanoseconds span);

 private:
  bool block_;
  semaphore given_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_set_ = false;
};

/// Whether a member's effects must be on the disk before it is answered. What merely hurries or repeats the work of others (a lease, a
/// mark, a renewal) need not: lost in a power cut, it only makes at-least-once happen.
enum class durability : std::uint8_t { synced, relaxed };

/// One member of a group. Owned by the waiting caller and the writer together, since either may go first.
class job {
 public:
  explicit job(sqlite_environment::waiting how, durability needed, std::size_t size) : done(how), durable(needed), bytes(size) {}
  virtual ~job() = default;
  job(const job&) = delete;
  job& operator=(const job&) = delete;

  /// Runs inside the transaction, on the writer's thread; again if the transaction was lost. Refers to the caller's data.
  virtual void apply(connection& to) = 0;
  /// Called once this is committed, unless it failed. Returns what others of the process should look for.
  virtual written_rows committed() noexcept { return {}; }
  /// The store closes while this runs alone: come to an end.
  virtual void stop() noexcept {}

  enum class phase : std::uint8_t {
    queued,     ///< the caller may still take it back
    withdrawn,  ///< it did
    applying,   ///< refers to the caller's data: the caller must wait
    sealed,     ///< applied, COMMIT under way: the caller may leave without knowing
    done,
  };
  bool move(phase from, phase to) noexcept { return state.compare_exchange_strong(from, to); }
  /// Gives the answer, once.
  void finish() {
    if (state.exchange(phase::done) != phase::done) done.set();
  }

  std::atomic<phase> state{phase::queued};
  answer done;
  const durability durable;
  const std::size_t bytes;
  std::exception_ptr failure;  ///< the writer's until `done`, then the caller's
};

/// A job that returns what `Apply(connection&)` returns.
template <class Apply>
class job_of final : public job {
 public:
  using result_type = std::invoke_result_t<Apply&, connection&>;
  job_of(Apply body, sqlite_environment::waiting how, durability needed, std::size_t size)
      : job(how, needed, size), apply_(std::move(body)) {}

  void apply(connection& to) override {
    if constexpr (std::is_void_v<result_type>)
      apply_(to);
    else
      result_.emplace(apply_(to));
  }
  result_type take_result() {
    if constexpr (!std::is_void_v<result_type>) return std::move(*result_);
  }

 private:
  using stored = std::conditional_t<std::is_void_v<result_type>, char, result_type>;
  Apply apply_;
  std::optional<stored> result_;
};

/// Waits until the writer answered, and throws what it found. A deadline or cancellation takes the job back while it is queued; once it is
/// being applied the caller waits, masked. A COMMIT that the disk does not answer within `bound` throws `commit_unknown`.
void await(job& submitted, std::chrono::nanoseconds bound);

}  // namespace mamey::inline v1::sqlite_detail
