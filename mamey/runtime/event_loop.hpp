#pragma once

/// @file
/// For features and services.
/// One thread's loop: readiness of sockets, timers, callbacks posted from anywhere, and fibers.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include <mamey/core/time.hpp>

namespace mamey::inline v1 {

using steady_time = std::chrono::steady_clock::time_point;
using wall_time = timestamp;

struct ambient_context;

class event_loop {
 public:
  /// The loop of the calling thread, or null outside one.
  static event_loop* current() noexcept;

  /// Runs `callback` on this loop, soon. Any thread. The callback must not suspend.
  void post(std::function<void()> callback);

  /// Starts a fiber here that inherits the caller's ambient context. Any thread. For the framework: other code uses `with_scope` or the
  /// supervisor, which join it. An exception that leaves `body` ends the process, with the fiber's name.
  void start_fiber(std::string_view name, std::function<void()> body);
  /// The same with a context of its own.
  void start_fiber(std::string_view name, std::function<void()> body, ambient_context context);

  /// Clocks of this loop: virtual in a simulation.
  steady_time now() const noexcept;
  wall_time wall_now() const noexcept;

  /// Called on the loop when a descriptor becomes readable or writable, or failed.
  class watcher {
   public:
    virtual ~watcher() = default;
    virtual void readable() = 0;
    virtual void writable() = 0;
    /// The peer closed its side, or the descriptor failed; `readable` follows.
    virtual void hung_up() {}
  };
  /// Edge-triggered; one watcher per descriptor; loop thread only. Throws std::system_error.
  void watch(int descriptor, watcher& target);
  void unwatch(int descriptor) noexcept;
  /// Calls the watcher's `readable` once more, soon: for a watcher that stopped reading before the descriptor was empty. No system call.
  /// Loop thread only.
  void call_readable_again(int descriptor);

  /// A one-shot timer; loop thread only. The callback must not suspend.
  std::uint64_t add_timer(steady_time when, std::function<void()> callback);
  bool cancel_timer(std::uint64_t id) noexcept;

  struct statistics {
    std::uint64_t fibers_alive = 0;
    std::uint64_t fibers_started = 0;
    std::chrono::nanoseconds worst_lag{};  ///< since the last call
    std::uint64_t stalls = 0;              ///< how often the loop stood still for `runtime:stallWarning`
  };
  /// Any thread.
  statistics read_statistics() noexcept;
  /// Any thread; does not reset `worst_lag`, which the full statistics do.
  std::uint64_t fibers_alive() const noexcept;
  std::uint64_t stalls() const noexcept;

  struct state;
  explicit event_loop(std::unique_ptr<state> internals);
  ~event_loop();
  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;
  state& internals() noexcept { return *state_; }  ///< for this folder only

 private:
  std::unique_ptr<state> state_;
};

/// The current loop's clock, or the real one outside a loop.
steady_time steady_now() noexcept;
/// The time when the current loop last looked for events: the code that runs now had become ready by then. It gives an arrival time without
/// reading a clock. Outside a loop: now.
steady_time round_time() noexcept;
/// The time that `now_utc` returns.
wall_time wall_now() noexcept;

}  // namespace mamey::inline v1
