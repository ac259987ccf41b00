#pragma once

/// @file
/// A process that consumes the simulated queue and the delayed rows of its store, driving the machines of subscription, throttle and
/// delivery.

#include <memory>
#include <string>
#include <vector>

#include <mamey/messaging/handling.hpp>

#include "broker_model.hpp"
#include "world.hpp"

namespace mamey::simulation {

class consumer_process {
 public:
  consumer_process(world& in, std::size_t number);

  void start();
  void crash();
  bool has_room() const;
  void take(broker_model::handed handed);
  void connection_lost(bool cancelled);
  void stop_gently();

 private:
  /// One message being handled, from the queue or from a delayed row.
  struct run {
    std::shared_ptr<const envelope> message;
    std::uint64_t item = 0;
    std::uint64_t connection = 0;
    bool redelivered = false;
    int starts = 0;
    std::optional<delayed_message> row;
    std::vector<std::string> handlers;
    std::size_t at = 0;
    std::unique_ptr<delivery_machine> machine;
    delivery_action verdict;
    std::string error_code;      ///< of its last failure
    std::shared_ptr<void> unit;  ///< open transaction, in an interactive world
  };
  using run_ptr = std::shared_ptr<run>;

  steady_time steady() const { return steady_time(world_.time.now()); }
  void supervise(subscription_event event, std::chrono::milliseconds pause_for = {});
  void hold();
  void let_go();
  void open();
  void drain();
  void poll_delayed();
  void begin(const run_ptr& which);
  void feed(const run_ptr& which, delivery_event event, int starts = 0);
  void end(const run_ptr& which, const delivery_action& action);
  void pause(const run_ptr& which, std::chrono::milliseconds pause_for);
  const failure_plan* plan_of(const run& which) const;
  void perform(const run_ptr& which, const delivery_action& action);
  bool begin_unit(const run_ptr& which);
  void handle(const run_ptr& which);
  void finish_handling(const run_ptr& which);
  void commit_separately(const run_ptr& which, change_set changes, inbox_key key);
  void settle(const run_ptr& which);
  void throttled(throttle_event event);
  change_set failure_of(const run& which, const delivery_action& action) const;
  change_set delayed_row(const run& which, span delay, int rounds, int starts) const;
  delayed_message row_behind(const run& which) const;
  void undo(start_undo how, const inbox_key& key);
  handling_context context_of(const run& which) const;

  /// Carries out `operation` after a while; its answer, or the news that the store is away, comes back. Either may meet a crash.
  void with_store(std::function<void()> operation, std::function<void()> answered, std::function<void()> away,
                  std::function<void()> unknown);
  void later(span delay, std::function<void()> what);

  world& world_;
  std::size_t number_;
  bool alive_ = false;
  std::uint64_t incarnation_ = 0;
  std::uint64_t connection_ = 0;  ///< 0: none
  std::size_t held_ = 0;          ///< deliveries of the queue in this process
  std::unique_ptr<subscription_machine> subscription_;
  std::unique_ptr<throttle_machine> throttle_;
  recoverability rules_;
  bool held_back_ = false;  ///< by a failure that pauses: starts no handler until it is resumed
  bool must_rest_ = false;  ///< the judge's opinion: from that failure on until it is resumed
  std::string lost_claim_;  ///< token of the claim of delayed rows whose answer was lost; none: empty
};

}  // namespace mamey::simulation
