#pragma once

/// @file
/// Section `rabbitMq`: the reference's keys, with AMQP's defaults where it had none, and ours.

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mamey/core/reflect.hpp>

namespace mamey::inline v1 {

/// Section `rabbitMq`. Names of exchanges and queues hold for every transport, so that a service can change it; the rest is RabbitMQ's.
struct rabbitmq_options {
  std::string connection_name;                       ///< `NAME_producer` and `NAME_consumer` at the broker; empty: the application's name
  std::vector<std::string> host_names{"localhost"};  ///< tried in order; `name` or `name:port`
  int port = 0;                                      ///< 0: 5672, over TLS 5671
  std::string virtual_host = "/";                    ///< of exchanges and queues
  std::string username = "guest";                    ///< who logs in
  std::string password = "guest";                    ///< of the user
  std::chrono::milliseconds requested_heartbeat{60'000};           ///< silence after twice as long ends the connection; 0: none
  std::chrono::milliseconds requested_connection_timeout{30'000};  ///< of one host: connect and TLS
  std::chrono::milliseconds socket_read_timeout{30'000};           ///< accepted; heartbeats find a silent broker
  std::chrono::milliseconds socket_write_timeout{30'000};          ///< a write without progress for so long ends the connection
  std::chrono::milliseconds continuation_timeout{20'000};          ///< of declaring, subscribing, closing
  std::chrono::milliseconds handshake_continuation_timeout{10'000};  ///< of logging in, and of saying goodbye
  std::chrono::milliseconds network_recovery_interval{5'000};        ///< longest pause between tries to connect; the first is 100 ms
  std::chrono::milliseconds message_processing_timeout{0};           ///< accepted; `messaging:handlerTimeout` cancels the handler, too
  int requested_channel_max = 0;               ///< most channels a connection; 0: the broker's
  int requested_frame_max = 0;                 ///< largest frame in bytes; 0: the broker's
  bool use_background_threads_for_io = false;  ///< accepted: all I/O is on the system loop
  std::string conventions_casing;              ///< `snakeCase` (also when empty), anything else: names as written
  int retries = 0;                             ///< accepted: `messaging:immediateRetries` and `delayedRetries` count
  int retry_interval = 0;                      ///< accepted, likewise
  bool messages_persisted = true;              ///< accepted: what an outbox sends is always persistent
  struct broker_context {
    bool enabled = false;                    ///< every message carries a context: the user, or an empty object
    std::string header = "message_context";  ///< the context's header
  } context;
  std::string span_context_header = "span_context";  ///< header of the trace as Jaeger writes it
  struct broker_exchange {
    std::string name;          ///< of the application's own exchange; empty: the application's name
    std::string type;          ///< of our own exchange; empty: topic
    bool declare = true;       ///< false: it must be there
    bool durable = true;       ///< our own exchange survives the broker's restart
    bool auto_delete = false;  ///< our own exchange goes with its last queue
  } exchange;
  struct broker_queue {
    std::string template_;     ///< of queue names; empty: `{{assembly}}/{{exchange}}.{{message}}`
    bool declare = true;       ///< false: queues must be there
    bool durable = true;       ///< our queues survive the broker's restart
    bool exclusive = false;    ///< our queues go with the connection
    bool auto_delete = false;  ///< our queues go with their last consumer
    std::string type;          ///< `classic` or `quorum`; empty: no such argument, as the reference
    int max_priority = 0;      ///< priorities of our queues; 0: none
    std::string mode;          ///< `lazy`: a classic queue that keeps its messages on the disk; empty: no such argument, as the reference
    int delivery_limit = 0;    ///< 0: no such argument; -1: named as unlimited, for quorum queues of RabbitMQ 4. A finite one is refused: requeues of a rolling restart would count
    bool park_too_large = false;  ///< the broker moves a message above maxMessageBytes to `QUEUE.too-large`; false: it stays in its queue
    std::chrono::milliseconds consumer_timeout{1'800'000};  ///< the broker's limit on an unsettled delivery; handlers must be faster
  } queue;
  struct broker_dead_letter {
    bool enabled = false;      ///< queues name a dead-letter exchange, as those of .NET services they are shared with
    std::string prefix;        ///< of dead-letter exchange and queues
    std::string suffix;        ///< likewise
    bool declare = false;      ///< declare them, too
    bool durable = false;      ///< of both
    bool exclusive = false;    ///< of the queues
    bool auto_delete = false;  ///< of both
    std::string ttl;           ///< milliseconds a dead letter lives before it is lost; 0 or less: a day; empty: for ever
  } dead_letter;
  struct broker_qos {
    int prefetch_size = 0;   ///< only 0 is accepted: RabbitMQ has no limit in bytes
    int prefetch_count = 0;  ///< at most so many unsettled deliveries a subscription; 0: as `messaging:prefetch` says
    bool global = false;     ///< the limit is the channel's
  } qos;
  struct broker_conventions {
    struct broker_attribute {
      bool ignore_exchange = false;     ///< the exchange a message type declares does not count
      bool ignore_routing_key = false;  ///< its routing key does not count
      bool ignore_queue = false;        ///< its queue does not count
    } message_attribute;
  } conventions;
  struct broker_logger {
    bool enabled = false;                ///< accepted: section `logger` says what is logged
    bool log_connection_status = false;  ///< accepted: connections are always logged
    bool log_message_payload = false;    ///< accepted: payloads never are
  } logger;
  struct broker_ssl {
    bool enabled = false;              ///< TLS
    std::string server_name;           ///< the name the broker's certificate must hold; empty: the host's
    std::string certificate_path;      ///< our own certificate: PFX or PEM
    std::string certificate_password;  ///< of the PFX file or the key
    std::string key_path;              ///< a PEM key that is not in the certificate's file
    std::string ca_certificate_path;   ///< the authorities believed; empty: the system's
    std::vector<std::string> x509_ignored_statuses;  ///< any entry stops the check of the broker's certificate, with a warning
    bool external = false;                           ///< the certificate logs in, instead of user and password
  } ssl;
  struct broker_identity {
    std::string key_id;                          ///< the key that signs the user of what we publish; empty: users are not signed
    std::map<std::string, std::string> secrets;  ///< keys by their ids, shared by the services: at least 32 characters each. An old one stays as long as messages it signed
  } identity;
  int max_producer_channels = 1000;              ///< accepted: one channel a relay is enough
  bool requeue_failed_messages = false;          ///< accepted: failed messages go to the error store
  int publish_window = 1024;                     ///< most unconfirmed messages a channel
  std::int64_t max_message_bytes = 134'217'728;  ///< larger ones are refused before they are sent; the broker's own limit
  std::vector<std::string> trust_unsigned_from;  ///< exchanges whose unsigned messages say who the user is
};

template <>
struct wire_names<rabbitmq_options::broker_queue> {
  static constexpr std::pair<std::string_view, std::string_view> names[] = {{"template_", "template"}};
};

/// What is wrong, a sentence each; empty when the options can be used.
std::vector<std::string> problems_of(const rabbitmq_options& options);
/// What works and is probably not meant.
std::vector<std::string> warnings_of(const rabbitmq_options& options);

}  // namespace mamey::inline v1
