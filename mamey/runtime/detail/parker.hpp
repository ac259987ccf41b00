#pragma once

/// @file
/// The one way to wait, on which everything that suspends is built: a fiber gives its thread to others, a plain thread sleeps.

#include <atomic>
#include <cstdint>
#include <optional>

#include <mamey/runtime/context.hpp>
#include <mamey/runtime/detail/strand.hpp>
#include <mamey/runtime/detail/timer_heap.hpp>

namespace mamey::inline v1::detail {

enum class wake_reason : std::uint8_t {
  woken,
  timed_out,  ///< `until` passed
  deadline,   ///< the context's deadline passed
  cancelled,  ///< the context was cancelled
  killed,     ///< the simulation ends this fiber
};

/// What may end a wait besides being woken and `until`.
enum class interruption : std::uint8_t {
  allowed,   ///< deadline and cancellation of the context, unless masked or unwinding
  withheld,  ///< neither: the caller cannot go on without what it waits for
  refused,   ///< not even the end of a simulation: others still use the caller's stack
};

/// One wait of the constructing fiber or thread.
class parker {
 public:
  parker() : strand_(current_strand()), deadline_timer_(*this), listener_(*this) {}
  parker(const parker&) = delete;
  parker& operator=(const parker&) = delete;

  /// Ends the wait, now or before it began. The first call wins and returns true; false when the wait ended otherwise. Any thread, while
  /// the parker lives: callers hold a lock that the waiter takes before it goes away, or are the only ones to wake it.
  bool wake() noexcept { return end(wake_reason::woken); }

  /// Suspends until woken, `until`, or an interruption. Once.
  wake_reason wait(std::optional<steady_time> until = {}, interruption mode = interruption::allowed);

  /// Of the simulation: ends the wait of a killed fiber, unless it waits with `interruption::refused`.
  void kill() noexcept;

  strand& waiter() noexcept { return strand_; }

 private:
  /// `running`: not suspended (yet); `parked`: suspended, and the code that ends the wait makes the fiber ready; `ended + reason`.
  enum : std::uint8_t { running, parked, ended };
  struct timer final : timer_node {
    explicit timer(parker& its_owner) : owner(its_owner) {}
    void expired() override { owner.time_is_up(); }
    parker& owner;
  };
  struct cancel_listener final : cancellation::listener {
    explicit cancel_listener(parker& its_owner) : owner(its_owner) {}
    void cancelled() noexcept override { owner.end(wake_reason::cancelled); }
    parker& owner;
  };
  struct plan {
    std::optional<steady_time> wake_at;
    wake_reason then = wake_reason::timed_out;
    bool only_look_again = false;  ///< at `wake_at` the masked section's grace ends: the rules change
    bool heed_cancellation = false;
    std::optional<wake_reason> at_once;
  };

  plan make_plan(std::optional<steady_time> until, interruption mode);
  bool end(wake_reason reason) noexcept;
  bool end_thread(wake_reason reason) noexcept;
  void time_is_up() noexcept;
  void park(const plan& how);
  void park_fiber(const plan& how);
  void park_thread(const plan& how);

  strand& strand_;
  std::atomic<std::uint8_t> state_{running};
  wake_reason timer_reason_ = wake_reason::timed_out;
  bool timer_looks_again_ = false;
  bool refuses_kill_ = false;
  timer deadline_timer_;
  cancel_listener listener_;
};

/// Throws what an interrupted wait means; returns after `woken` and `timed_out`, and always while unwinding.
void raise(wake_reason reason);

/// Throws if the context was interrupted already: every suspension point begins with it.
void check_interruption();

/// Whether this strand may throw now: not while an exception unwinds it.
bool may_throw(const strand& current) noexcept;

/// Lets the other fibers run, whatever the context says.
void give_way();

}  // namespace mamey::inline v1::detail
