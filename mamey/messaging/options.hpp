#pragma once

/// @file
/// Sections `outbox` (the reference's keys and ours) and `messaging`.

#include <chrono>
#include <string>
#include <vector>

#include <mamey/messaging/store.hpp>

namespace mamey::inline v1 {

/// Section `outbox`. The first seven are the reference's.
struct outbox_options {
  bool enabled = true;                     ///< false: nothing is sent, what is published stays in the outbox
  std::string type = "sequential";         ///< accepted and without effect: sends are pipelined; order is `ordered`
  int expiry = 0;                          ///< seconds sent rows are kept; 0: `retention`
  double interval_milliseconds = 1000;     ///< longest wait between polls; commits of this process wake the relay at once
  std::string inbox_collection = "inbox";  ///< accepted; tables are the store's
  std::string outbox_collection = "outbox";  ///< accepted, likewise
  bool disable_transactions = false;  ///< refused when true: the outbox is nothing without them

  int batch = 100;            ///< most rows a claim
  int batch_bytes = 1 << 20;  ///< most bytes of bodies a claim
  int window = 256;           ///< most messages sent and not yet confirmed
  std::chrono::milliseconds lease{15'000};            ///< how long claimed rows belong to one relay; renewed at a third
  std::chrono::milliseconds confirm_timeout{10'000};  ///< less than `lease`
  std::chrono::milliseconds lease_margin{2'000};      ///< sending stops this long before the lease ends
  std::chrono::milliseconds shortest_poll{10};        ///< between polls while there is work
  int refusals = 10;                       ///< refusals of one message before it is parked
  bool ordered = false;                    ///< keep the order of each key; one relay a slot
  bool parked_head_blocks = true;          ///< ordered: false parks the followers of a parked message instead
  std::chrono::milliseconds retention{0};  ///< how long sent rows are kept
};

/// Section `messaging`: subscriptions and recoverability.
struct messaging_options {
  std::string transport;  ///< `inProcess`, `sql` or `rabbitMq`; empty: a broker the application has, the process itself in a host of several, else `sql`
  int concurrency = 16;  ///< handlers of one subscription at a time
  int prefetch = 0;      ///< deliveries held by one subscription; 0: twice the concurrency
  int immediate_retries = 2;  ///< tries again at once, before any delayed one
  /// The waits before further tries, one each; after the last the message goes to the error store.
  std::vector<std::chrono::milliseconds> delayed_retries{std::chrono::seconds(1), std::chrono::seconds(5), std::chrono::seconds(30),
                                                         std::chrono::minutes(2), std::chrono::minutes(10)};
  double retry_jitter = 0.2;  ///< share by which a delay may grow
  int start_limit = 5;        ///< starts without outcome before a message goes to the error store unrun; from 2 on exact over every transport
  std::chrono::milliseconds handler_timeout{30'000};  ///< ambient deadline of a handler of messages
  std::chrono::milliseconds lease{30'000};            ///< of messages and delayed rows being handled, where the transport leases
  std::chrono::milliseconds rollout_window{600'000};  ///< how long a message too new for this instance, or for a handler it does not have, waits for a newer one
  std::chrono::milliseconds rollout_delay{5'000};     ///< between its looks
  int throttle_after = 8;  ///< failures in a row, with no success between, before a subscription runs one at a time
  std::chrono::milliseconds inbox_retention{std::chrono::hours(24 * 14)};  ///< how long handled messages are known; longer than any can take back
  std::chrono::milliseconds error_retention{std::chrono::hours(24 * 7)};   ///< how long failed messages are kept
};

/// What is wrong with the options, a sentence each; empty when they can be used. Among them: the inbox must outlive the longest way a
/// message can take back to its handler (delayed retries, rollout window, error store), or a late retry would run twice.
std::vector<std::string> problems_of(const outbox_options& outbox, const messaging_options& messaging);

/// The longest time between a message's first try and its last delayed one.
std::chrono::milliseconds longest_retry_chain(const messaging_options& messaging);

store::retention retention_of(const outbox_options& outbox, const messaging_options& messaging);

}  // namespace mamey::inline v1
