#pragma once

/// @file
/// The messages of one subscription, waiting and being handled: as many at once as the throttle permits, on the worker loops.

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/core/invariants.hpp>
#include <mamey/messaging/detail/fiber_group.hpp>
#include <mamey/messaging/detail/handler_run.hpp>
#include <mamey/messaging/subscription_runner.hpp>

namespace mamey::inline v1::detail {

/// Any thread, unless said otherwise. `what`, the surroundings and the options outlive the pool.
class handler_pool : public std::enable_shared_from_this<handler_pool> {
 public:
  using pause_callback = std::function<void(const std::string& why, std::chrono::milliseconds span)>;

  /// `held` is called (never suspending) when something waits for the throttle's pause: somebody must call `start_waiting` at `resume_at`.
  /// Also when a paused pool has become idle. `pause`: a failure asks for a pause of everything that has the queue in common.
  handler_pool(const subscription& what, const subscription_surroundings& around, const messaging_options& options,
               std::function<void()> held, pause_callback pause);

  /// Before the first delivery: these pools have the same queue, this one among them. The pool that gets a message runs the handlers of the one
  /// it is for.
  void share_queue_with(std::vector<const handler_pool*> all);
  void add(delivery next);
  /// `claimed`: before its claim was asked for.
  void add(delayed_message row, steady_time claimed, std::function<void()> done);
  /// Starts what may start.
  void start_waiting();
  /// Deliveries that were not begun are forgotten: the consumer that had them is gone, and they come again.
  void forget_waiting_deliveries();
  /// Rows claimed before `when` that have not had their turn go back uncounted: their claims would end while they wait.
  void give_back_rows_claimed_before(steady_time when);
  /// When the throttle's pause ends, if something waits for that; else never.
  steady_time resume_at() const;

  /// From now on no handler is started: deliveries that are added wait. What runs ends, without a further try.
  void pause() noexcept { paused_ = true; }
  void resume();
  bool paused() const noexcept { return paused_; }
  bool idle() const;

  /// What waits goes back uncounted; so does what is added from now on.
  void cancel();
  /// Without `drain`: what waits comes again, and running handlers are cancelled; returns when they have ended. Allocates nothing.
  void end();
  void refuse() noexcept { cancelled_ = true; }  ///< what comes goes back
  /// Waits for what runs, at most `grace`, then cancels it. May suspend.
  void drain(std::chrono::nanoseconds grace);

  bool cancelled() const noexcept { return cancelled_; }
  const message_handler* find(const std::string& row_subscription) const;
  subscription_statistics statistics() const;

 private:
  /// A delivery or a delayed row.
  struct task {
    incoming what;
    std::unique_ptr<settlement> settle;  ///< of a delivery
    std::function<void()> done;          ///< of a row
    steady_time claimed{};               ///< likewise
  };
  enum class standing : std::uint8_t { flowing, held };

  class place_of_one;

  /// The first invariant that does not hold; empty: all hold. Asserted when a task begins or ends, with `mutex_` held.
  std::string_view check() const;
  bool is_suspect(const task& which) const;
  std::deque<task>::iterator next_to_start();
  void enqueue(task next);
  void dispatch();
  standing start_permitted();
  void handle(task& which);
  delivery_action run_handlers(const run_surroundings& runs, const incoming& delivered);
  delivery_action choose_and_run(const incoming& delivered);
  delivery_action run_row(const incoming& claimed);
  const handler_pool* meant_by_message(const envelope& message) const;
  std::string types_on_the_queue() const;
  void settle(task& which, const delivery_action& verdict) const;
  void count(const delivery_action& ended);
  void report(throttle_event event);
  friend class invariants_after<handler_pool>;
  template <class Which>
  std::vector<task> take_waiting(Which which);
  void give_back(std::vector<task> unstarted, std::chrono::milliseconds delay);

  const subscription& what_;
  const subscription_surroundings& around_;
  run_surroundings runs_;
  const std::function<void()> held_;
  std::vector<const handler_pool*> sharing_;  ///< empty: the queue has one subscription
  std::atomic<bool> cancelled_{false}, interrupting_{false}, paused_{false};

  mutable std::mutex mutex_;  ///< guards the rest
  std::deque<task> waiting_;
  std::size_t running_ = 0;
  std::size_t suspects_running_ = 0;
  std::string suspect_id_;  ///< of those
  std::size_t next_worker_ = 0;
  throttle_machine throttle_;
  subscription_statistics seen_;
  fiber_group fibers_;
};

}  // namespace mamey::inline v1::detail
