#pragma once

/// @file
/// For services.
/// Sections `outbox` (keys of .NET Mamey (Convey), and ours) and `messaging`.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/core/time.hpp>
#include <mamey/messaging/failure_rules.hpp>
#include <mamey/messaging/store_upkeep.hpp>

namespace mamey::inline v1 {

struct failure_plan;

/// Section `outbox`. The first seven keys are those of .NET Mamey (Convey).
struct outbox_options {
  bool enabled =
      true;  ///< false means "publish directly" in .NET. It is accepted, and the outbox is always on; `messaging:publishing` turns sending off
  std::string type = "sequential";  ///< accepted and without effect: messages are sent in a pipeline; `ordered` keeps the order
  int expiry = 0;                   ///< how many seconds sent rows are kept; 0: `retention`
  double interval_milliseconds =
      1000;  ///< longest wait between polls. A commit of this process wakes the relay at once. 0 or less together with `enabled` false counts as not given
  std::string inbox_collection = "inbox";    ///< accepted and without effect: the store names its tables
  std::string outbox_collection = "outbox";  ///< accepted and without effect: the store names its tables
  bool disable_transactions =
      false;  ///< accepted and without effect: it concerns MongoDB in .NET; outbox rows are always in the handler's transaction

  int batch = 100;                          ///< maximum number of rows per claim
  int batch_bytes = 1 << 20;                ///< maximum bytes of message bodies per claim
  int window = 256;                         ///< maximum number of messages that are sent and not yet confirmed
  std::chrono::milliseconds lease{15'000};  ///< how long claimed rows belong to one relay; renewed at a third of this time
  std::chrono::milliseconds confirm_timeout{
      10'000};  ///< longest wait for a confirm; then the channel is closed and its messages are sent again. Less than `lease`
  std::chrono::milliseconds lease_margin{2'000};  ///< sending stops this long before the lease ends
  std::chrono::milliseconds shortest_poll{10};    ///< time between polls while there is work
  int refusals = 10;                              ///< how often the transport may refuse a message before it is parked
  bool ordered = false;                           ///< keeps the order of each key; one relay per slot
  bool parked_head_blocks = true;  ///< with `ordered`: a parked message blocks the later messages of its key; false: they are parked too
  std::chrono::milliseconds retention{0};  ///< how long sent rows are kept
};

/// Section `messaging`: subscriptions and recoverability.
struct messaging_options {
  bool publishing = true;  ///< false: nothing is sent; published messages stay in the outbox until an instance sends them
  std::string
      transport;  ///< `inProcess`, `sql` or `rabbitMq`; empty: the broker of the application, else the process itself in a host of several applications, else `sql`
  int concurrency = 16;       ///< how many handlers of one subscription run at the same time
  int prefetch = 0;           ///< how many deliveries one subscription holds; 0: twice the concurrency
  int immediate_retries = 2;  ///< how many further attempts follow at once, before a delayed retry
  /// The waits before delayed retries, one entry per retry. After the last one the message goes to the error store.
  std::vector<std::chrono::milliseconds> delayed_retries{std::chrono::seconds(1), std::chrono::seconds(5), std::chrono::seconds(30),
                                                         std::chrono::minutes(2), std::chrono::minutes(10)};
  bool look_before_handling =
      true;  ///< true: the inbox is read before a handler runs, so that a duplicate runs no handler. false: a duplicate may run, but its effects in the database are not applied; this saves one read per message
  /// Names of headers (exact case, such as `Saga`) that are copied from a handled message to the messages it leads to. Our own headers are
  /// always copied.
  std::vector<std::string> forward_headers;
  failure_rules recoverability;  ///< other reactions for some errors, handlers or message types
  double retry_jitter = 0.2;     ///< the fraction by which a delay may grow at random
  int start_limit =
      5;  ///< how many starts without an outcome a message may have before it goes to the error store without another run. Values from 2 on are exact over every transport
  std::chrono::milliseconds handler_timeout{30'000};  ///< ambient deadline of a handler of messages
  std::chrono::milliseconds lease{30'000};  ///< lease of messages and delayed rows while they are handled, where the transport uses leases
  std::chrono::milliseconds rollout_window{
      600'000};  ///< how long a message waits for a newer instance, when it is too new for this one or its handler is missing here
  std::chrono::milliseconds rollout_delay{5'000};  ///< time between two checks of such a message
  int throttle_after = 8;  ///< how many failures in a row, with no success between them, make a subscription run one handler at a time
  std::chrono::milliseconds inbox_retention{std::chrono::hours(
      24 * 14)};  ///< how long the inbox remembers handled messages. Must exceed the longest way of a message back to its handler
  std::chrono::milliseconds error_retention{std::chrono::hours(24 * 7)};  ///< how long failed messages are kept in the error store
};

/// The errors in the options, one sentence each; empty when they can be used. One of them: the inbox must outlive the longest way of a
/// message back to its handler (delayed retries, rollout window, error store). Otherwise a late retry would be handled twice.
std::vector<std::string> problems_of(const outbox_options& outbox, const messaging_options& messaging);

/// The longest time between a message's first attempt and its last delayed retry, by the settings for all messages.
std::chrono::milliseconds longest_retry_chain(const messaging_options& messaging);

/// One sentence for each reaction of the handler with which the inbox would not outlive the message's way back, see problems_of.
std::vector<std::string> problems_of(const messaging_options& messaging, std::string_view handler, const failure_plan& plan);

store_upkeep::retention retention_of(const outbox_options& outbox, const messaging_options& messaging);

}  // namespace mamey::inline v1
