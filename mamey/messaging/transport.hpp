#pragma once

/// @file
/// For providers and the framework.
/// Carries messages between modules: a broker, a database, or the process itself. The relay publishes through it, and subscriptions consume
/// from it. No broker and no database is named here. Every transport passes tests/conformance.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/messaging/envelope.hpp>

namespace mamey::inline v1 {

/// The abilities of a transport. The conformance suite has the expected table of each; start-up checks read it.
struct transport_features {
  std::string_view name;
  bool persistent = false;           ///< a confirmed message survives the process (and the broker) that holds it
  bool several_processes = false;    ///< publisher and subscriber may be different processes
  bool ordered_by_key = false;       ///< an `ordered` queue hands out one message per key at a time, in the order of publication
  bool keeps_place = false;          ///< a message given back to an `ordered` queue keeps its place: its key waits for it
  bool holds_places = false;         ///< with keeps_place: the consumer holds the waiting messages, within its prefetch
  bool counts_starts = false;        ///< `delivery::starts` counts hand-outs across crashes, with this one
  bool delayed_give_back = false;    ///< `give_back` honours its delay
  bool competing_consumers = false;  ///< several consumers of one queue share its messages
  bool reports_unroutable = false;   ///< the outcome of a publish shows whether any queue is bound
  bool confirms_after_handling =
      false;  ///< confirmed means handled: a confirm takes as long as the handlers, so no confirm timeout applies
};

enum class publish_result : std::uint8_t {
  confirmed,     ///< the transport has it safely: the outbox row may be deleted
  unroutable,    ///< accepted, but no queue is bound to its exchange and routing key
  refused,       ///< this message is refused (too large, exchange missing after declaring again): counts as a refusal
  broker_fault,  ///< the message is not the cause (unreachable, channel lost): no refusal is counted; it may or may not have arrived
  nacked,        ///< the broker did not take it now (a queue that it goes to is full): its destination waits; other queues may have it
};

struct publish_outcome {
  publish_result result = publish_result::confirmed;
  std::string reason;      ///< for people; empty when confirmed
  bool untouched = false;  ///< with broker_fault: the message was certainly never sent
};

/// A message handed over for publishing. Exchange and routing key stand in the envelope.
struct outgoing_message {
  std::uint64_t tag = 0;  ///< chosen by the caller, unique among its unsettled messages; returned with the outcome
  std::shared_ptr<const envelope> message;
  bool maybe_sent = false;                       ///< an earlier send may have arrived: it is delivered with `redelivered`
  steady_time send_before = steady_time::max();  ///< end of its lease: if not sent by then, it ends as an untouched broker_fault
};

/// Called once for each message that was handed over, from any thread, possibly before `publish` returns. Must not suspend, must not throw.
using publish_callback = std::function<void(std::uint64_t tag, const publish_outcome& outcome)>;

struct exchange_declaration {
  std::string name;
  std::string type = "topic";
  bool durable = true;
  bool foreign = false;  ///< belongs to another service, and we only listen: used as it is, and its owner may declare it first
};

struct queue_declaration {
  std::string name;
  bool durable = true;
  bool ordered = false;  ///< one message per key at a time, in order
  /// The delays with which messages will be given back, where the consumer has no store for them: a broker that keeps them needs a queue
  /// per delay. Empty: none, as for ordered queues.
  std::vector<std::chrono::milliseconds> delays = {};
  std::string earlier_name =
      {};  ///< an earlier name, under which no one consumes any more: if messages wait there, the transport logs this once
};

struct queue_binding {
  std::string queue;
  std::string exchange;
  std::string routing_key;
};

/// An exchange that we only listen to is missing. Try again soon: its owner may declare it, and messages sent before we bind do not reach
/// us.
class exchange_awaited : public unavailable {
 public:
  using unavailable::unavailable;
};

/// Declared when the application starts and again after each reconnect. Idempotent.
struct topology {
  std::vector<exchange_declaration> exchanges;
  std::vector<queue_declaration> queues;
  std::vector<queue_binding> bindings;
};

/// Whether a start that ends with a give-back counts towards the start limit.
enum class start_counting : std::uint8_t { counted, uncounted };

/// Ends one delivery: exactly one call, from any thread. Never suspends: the transport carries it out in the background and before the
/// consumer closes. A settlement of a lost connection is dropped (the message comes again). Destroying it without a call means
/// `give_back(0, counted)`.
class settlement {
 public:
  virtual ~settlement() = default;
  virtual void acknowledge() noexcept = 0;
  virtual void give_back(std::chrono::milliseconds delay, start_counting counting) noexcept = 0;
};

/// A message handed to a consumer.
struct delivery {
  std::shared_ptr<const envelope> message;
  bool redelivered = false;  ///< it may have been handed out before
  int starts = 0;            ///< hand-outs including this one; 0: the transport does not count
  std::unique_ptr<settlement> settle;
};

/// Takes a delivery; called from any thread, never more than `prefetch` unsettled at a time. Must not suspend, must not throw.
using delivery_callback = std::function<void(delivery)>;

enum class consumer_state : std::uint8_t { consuming, cancelled_by_broker, closed };
/// Called when the transport ends or resumes the consumer: `cancelled_by_broker` (the queue was deleted), `closed` (the channel or
/// connection was lost). Any thread.
using consumer_state_callback = std::function<void(consumer_state state, std::string_view reason)>;

struct queue_options {
  std::string queue;
  std::size_t prefetch = 32;                           ///< maximum number of unsettled deliveries
  bool ordered = false;                                ///< as declared
  std::chrono::milliseconds lease{30'000};             ///< where the transport leases messages; renewed while a delivery is unsettled
  std::vector<std::chrono::milliseconds> delays = {};  ///< as declared
};

/// A running consumer.
class consumer {
 public:
  virtual ~consumer() = default;
  /// No new deliveries after it returns; those handed out can still be settled. Idempotent.
  virtual void cancel() = 0;
  /// After `cancel`: carries out the settlements made so far, then closes. Unsettled messages come again, to any consumer. May suspend.
  virtual void close() = 0;
};

enum class channel_state : std::uint8_t {
  ready,
  blocked,  ///< the broker asks to stop sending; unconfirmed messages stay unconfirmed
  down,     ///< unreachable; unconfirmed messages have ended as broker_fault
};
/// Called for flow control and outages, so that a relay pauses before it fails. Any thread. Must not suspend, must not throw.
using channel_state_callback = std::function<void(channel_state state, std::string_view reason)>;

/// The sending side of one publisher. The destructor ends its callbacks before it returns.
class outgoing_channel {
 public:
  virtual ~outgoing_channel() = default;
  /// Hands messages over, in order. Never suspends (the publisher's window bounds what is queued); a failure is an outcome, never an
  /// exception.
  virtual void publish(std::span<const outgoing_message> messages) = 0;
  /// Gives up every unconfirmed publish (a confirm timed out, the publisher stops): each ends as broker_fault, its late confirm is dropped.
  virtual void reset() = 0;
};

/// Thread-safe; every function that may suspend says so. Outlives its channels and consumers.
class transport {
 public:
  virtual ~transport() = default;
  virtual const transport_features& features() const noexcept = 0;

  /// May suspend. Throws `unavailable` when the broker is away; `exchange_awaited` when everything is declared except the parts that need a
  /// missing exchange of another service; `conflict` with the declaration that the broker refuses and the setting that changes it.
  virtual void declare(const topology& wanted) = 0;

  /// Never fails: a broker that is away shows as `down`.
  virtual std::unique_ptr<outgoing_channel> open_channel(publish_callback done, channel_state_callback changed) = 0;

  /// Starts consuming a declared queue. May suspend. Throws `unavailable`, `not_found`.
  virtual std::unique_ptr<consumer> subscribe(const queue_options& options, delivery_callback deliver, consumer_state_callback changed) = 0;

  /// Throws when the transport cannot serve. For health; may suspend.
  virtual void check() = 0;
};

}  // namespace mamey::inline v1
