#pragma once

/// @file
/// One delivery at one handler: carries out what delivery_machine says.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <mamey/messaging/delivery_machine.hpp>
#include <mamey/messaging/handling.hpp>
#include <mamey/messaging/store.hpp>
#include <mamey/messaging/throttle_machine.hpp>
#include <mamey/messaging/versions.hpp>

namespace mamey::inline v1::detail {

/// What runs of one subscription share.
struct run_surroundings {
  const subscription* what = nullptr;
  store* module_store = nullptr;
  const upcasters* lifts = nullptr;
  recoverability rules;
  std::chrono::milliseconds handler_timeout{};
  bool transport_counts_starts = false;
  bool look_first = false;                   ///< whether the inbox is asked before the first run, too
  std::vector<std::string> forward_headers;  ///< of the message, kept for those that its handler publishes
  std::string service;
  std::string undecided;                       ///< not empty: several types share the queue, and nothing says which of them the message is
  std::function<void(throttle_event)> report;  ///< outcome of each try
  std::function<void(bool)> begun;             ///< a try begins; whether it is an immediate retry
  std::function<bool()> stopping;              ///< whether a `cancelled` is the process's wish
  std::function<bool()> paused;                ///< whether the subscription handles nothing any more, until it is resumed
  /// A failure pauses the subscription: why, and for how long (0: until it is resumed). Before the message goes back.
  std::function<void(const std::string&, std::chrono::milliseconds)> pause;
};

/// A message at a subscription: from its queue, or (then with one handler) from a delayed row.
struct incoming {
  std::shared_ptr<const envelope> message;
  bool redelivered = false;
  int starts = 0;
  std::optional<delayed_message> row;
};

/// Rows of delayed retries name their handler; those of an error-store retry also the record they came from, which gives them an inbox key
/// of their own: the failed run's row keeps stopping redeliveries of the original.
struct row_subscription {
  std::string handler;
  std::string suffix;  ///< empty, or '#' and the record's id
};
row_subscription parse_row_subscription(const std::string& text);

/// Runs `handler` for `message` to the end; returns the final action (acknowledge or give_back). In a fiber of a worker loop.
delivery_action run_handler(const run_surroundings& around, const message_handler& handler, const incoming& from);

/// A claimed delayed row given back: stored again, due after `delay`.
void give_row_back(unit_store& into, const delayed_message& row, std::chrono::milliseconds delay, start_counting counting);

}  // namespace mamey::inline v1::detail
