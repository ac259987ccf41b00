#pragma once

/// @file
/// What carries messages between modules: a broker, a database, or the process itself. The relay publishes through it, subscriptions
/// consume from it; no broker and no database is named here. Every transport passes tests/conformance.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/messaging/envelope.hpp>

namespace mamey::inline v1 {

/// What a transport can do. The conformance suite holds the expected table of each; docs and start-up checks read it.
struct transport_features {
  std::string_view name;
  bool persistent = false;               ///< a confirmed message survives the process (and the broker) that holds it
  bool several_processes = false;        ///< publisher and subscriber may be different processes
  bool ordered_by_key = false;           ///< an `ordered` queue hands out one message a key at a time, in the order of publication
  bool keeps_place = false;              ///< a message given back to an `ordered` queue keeps its place: its key waits for it
  bool holds_places = false;             ///< with keeps_place: the consumer holds what waits for its place, within its prefetch
  bool counts_starts = false;            ///< `delivery::starts` counts hand-outs across crashes, this one included
  bool delayed_give_back = false;        ///< `give_back` honours its delay
  bool competing_consumers = false;      ///< several consumers of one queue share its messages
  bool reports_unroutable = false;       ///< a message nobody is bound to is told from one that arrived
  bool confirms_after_handling = false;  ///< confirmed means handled: confirms take as long as handlers do, so no confirm timeout applies
};

enum class publish_result : std::uint8_t {
  confirmed,     ///< safe with the transport: the outbox row may go
  unroutable,    ///< accepted, but no queue is bound to its exchange and routing key
  refused,       ///< this very message is refused (too large, exchange missing after declaring again): counts an attempt
  broker_fault,  ///< nothing wrong with the message (unreachable, nack, channel lost): costs no attempt; it may or may not have arrived
};

struct publish_outcome {
  publish_result result = publish_result::confirmed;
  std::string reason;      ///< for people; empty when confirmed
  bool untouched = false;  ///< with broker_fault: certainly never left, so nobody has seen the message
};

/// A message handed over for publishing. Exchange and routing key stand in the envelope.
struct outgoing_message {
  std::uint64_t tag = 0;  ///< chosen by the caller, unique among its unsettled ones; comes back with the outcome
  std::shared_ptr<const envelope> message;
  bool maybe_sent = false;                       ///< an earlier try may have arrived: whoever hands it out says `redelivered`
  steady_time send_before = steady_time::max();  ///< the lease behind it: not sent by then, it ends as an untouched broker_fault
};

/// Told once for each message handed over, from any thread, possibly before `publish` returns. Must not suspend, must not throw.
using publish_callback = std::function<void(std::uint64_t tag, const publish_outcome& outcome)>;

struct exchange_declaration {
  std::string name;
  std::string type = "topic";
  bool durable = true;
  bool foreign = false;  ///< another service's: used as it is when it exists in another form
};

struct queue_declaration {
  std::string name;
  bool durable = true;
  bool ordered = false;  ///< one message a key at a time, in order
  /// The waits for which messages will be given back, where the consumer has no store for them: a broker that keeps them aside needs a place for
  /// each. Empty: none, as for ordered queues.
  std::vector<std::chrono::milliseconds> delays = {};
};

struct queue_binding {
  std::string queue;
  std::string exchange;
  std::string routing_key;
};

/// Declared when the application starts and again after each reconnect. Idempotent.
struct topology {
  std::vector<exchange_declaration> exchanges;
  std::vector<queue_declaration> queues;
  std::vector<queue_binding> bindings;
};

/// Whether a start handed out and given back counts towards the start limit.
enum class start_counting : std::uint8_t { counted, uncounted };

/// Ends one delivery: exactly one call, from any thread. Never suspends: the transport carries it out in the background and before the
/// consumer closes. A settlement of a connection that is gone is dropped (the message comes again). Destroying it unsettled means
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
/// Told when the transport ends or resumes the consumer by itself: `cancelled_by_broker` (the queue went away), `closed` (the channel or
/// connection did). Any thread.
using consumer_state_callback = std::function<void(consumer_state state, std::string_view reason)>;

struct queue_options {
  std::string queue;
  std::size_t prefetch = 32;                ///< most unsettled deliveries
  bool ordered = false;                     ///< as declared
  std::chrono::milliseconds lease{30'000};  ///< where messages are leased: renewed while a delivery is unsettled
  std::vector<std::chrono::milliseconds> delays = {};  ///< as declared
};

/// A running consumer.
class consumer {
 public:
  virtual ~consumer() = default;
  /// No new deliveries after it returns; those handed out can still be settled. Idempotent.
  virtual void cancel() = 0;
  /// After `cancel`: carries out the settlements made so far, then lets go; whatever is unsettled comes again, to whoever consumes. May
  /// suspend.
  virtual void close() = 0;
};

enum class channel_state : std::uint8_t {
  ready,
  blocked,  ///< the broker asks for silence; what is unconfirmed stays so
  down,     ///< unreachable; what was unconfirmed has ended as broker_fault
};
/// Told of flow control and outages, so that a relay pauses before it fails. Any thread. Must not suspend, must not throw.
using channel_state_callback = std::function<void(channel_state state, std::string_view reason)>;

/// One publisher's way out. Destroying it ends its callbacks before the destructor returns.
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

  /// May suspend. Throws `unavailable` when the broker is away, `conflict` when a queue of ours exists in another form.
  virtual void declare(const topology& wanted) = 0;

  /// Never fails: a broker that is away shows as `down`.
  virtual std::unique_ptr<outgoing_channel> open_channel(publish_callback done, channel_state_callback changed) = 0;

  /// Starts consuming a declared queue. May suspend. Throws `unavailable`, `not_found`.
  virtual std::unique_ptr<consumer> subscribe(const queue_options& options, delivery_callback deliver, consumer_state_callback changed) = 0;

  /// Throws when the transport cannot serve. For health; may suspend.
  virtual void check() = 0;
};

}  // namespace mamey::inline v1
