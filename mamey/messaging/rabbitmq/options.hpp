#pragma once

/// @file
/// Section `rabbitMq`: every key of the reference, with the defaults of AMQP where it had none, and ours.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace mamey::inline v1 {

struct rabbitmq_options {
  std::string connection_name;  ///< `{name}_producer` and `{name}_consumer`; empty: the application's name
  std::vector<std::string> host_names{"localhost"};  ///< tried in order, from the one that worked last; `name` or `name:port`
  int port = 0;                                      ///< 0: 5672, with `ssl.enabled` 5671
  std::string virtual_host = "/";
  std::string username = "guest";
  std::string password = "guest";
  std::chrono::milliseconds requested_heartbeat{60'000};
  std::chrono::milliseconds requested_connection_timeout{30'000};  ///< of one host: connect and TLS
  std::chrono::milliseconds socket_read_timeout{30'000};           ///< accepted; heartbeats find a silent broker
  std::chrono::milliseconds socket_write_timeout{30'000};          ///< a write that makes no progress for so long ends the connection
  std::chrono::milliseconds continuation_timeout{20'000};          ///< of one declare, subscribe, close
  std::chrono::milliseconds handshake_continuation_timeout{10'000};
  std::chrono::milliseconds network_recovery_interval{5'000};  ///< the longest pause between tries to connect; the first is 100 ms
  std::chrono::milliseconds message_processing_timeout{0};     ///< accepted; `messaging.handlerTimeout` cancels the handler, too
  int requested_channel_max = 0;                               ///< 0: the broker's
  int requested_frame_max = 0;                                 ///< bytes; 0: the broker's
  bool use_background_threads_for_io = false;                  ///< accepted: all I/O is on the system loop
  std::string conventions_casing;                              ///< read by the host (conventions.hpp)
  int retries = 0;                                             ///< accepted, as the next: section `messaging` says how often and when
  int retry_interval = 0;
  bool messages_persisted = true;  ///< accepted: what an outbox sends is always persistent
  struct context_section {
    bool enabled = false;
    std::string header = "message_context";
  } context;
  std::string span_context_header = "span_context";
  struct exchange_section {
    std::string name;      ///< read by the host
    std::string type;      ///< of our own exchange; empty: topic
    bool declare = true;   ///< false: it must be there
    bool durable = true;
    bool auto_delete = false;
  } exchange;
  struct queue_section {
    std::string template_;  ///< read by the host as `template`
    bool declare = true;    ///< false: queues must be there
    bool durable = true;
    bool exclusive = false;
    bool auto_delete = false;
    std::string type;        ///< ours: `classic` or `quorum`; empty: no argument, as the reference
    int max_priority = 0;    ///< ours; 0: none
    int delivery_limit = 0;  ///< ours; only 0 (none) is accepted
    std::chrono::milliseconds consumer_timeout{1'800'000};  ///< ours: the broker's limit on an unsettled delivery
  } queue;
  struct dead_letter_section {
    bool enabled = false;
    std::string prefix;
    std::string suffix;
    bool declare = false;
    bool durable = false;
    bool exclusive = false;
    bool auto_delete = false;
    /// Milliseconds a dead letter lives; 0 or less: a day; absent: for ever. Its end is the message's: the key it returns by is bound to nothing.
    std::string ttl;
  } dead_letter;
  struct qos_section {
    int prefetch_size = 0;
    int prefetch_count = 0;  ///< 0: as many as `messaging.prefetch` says; else at most so many
    bool global = false;
  } qos;
  struct conventions_section {
    struct attribute_section {
      bool ignore_exchange = false, ignore_routing_key = false, ignore_queue = false;
    } message_attribute;  ///< read by the host
  } conventions;
  struct logger_section {
    bool enabled = false;
    bool log_connection_status = false;
    bool log_message_payload = false;
  } logger;  ///< accepted: section `logger` says what is logged; payloads never are
  struct ssl_section {
    bool enabled = false;
    std::string server_name;          ///< the name the broker's certificate must hold; empty: the host's
    std::string certificate_path;     ///< our own: PFX or PEM
    std::string certificate_password; ///< ours
    std::string key_path;             ///< ours: a PEM key beside its certificate
    std::string ca_certificate_path;  ///< empty: the system's authorities
    std::vector<std::string> x509_ignored_statuses;  ///< only as a whole: any entry stops the check of the broker's certificate, with a warning
    bool external = false;            ///< ours: SASL EXTERNAL, the certificate instead of user and password
  } ssl;
  int max_producer_channels = 1000;     ///< accepted: one channel a relay is enough
  bool requeue_failed_messages = false; ///< accepted: failed messages go to the error store
  // Ours.
  int publish_window = 1024;                ///< most unconfirmed messages a channel
  std::int64_t max_message_bytes = 134'217'728;  ///< larger ones are refused before they are sent; the broker's own limit
  std::vector<std::string> trust_unsigned_from;  ///< exchanges whose `message_context` says who the user is
};

/// What is wrong, a sentence each; empty when the options can be used.
std::vector<std::string> problems_of(const rabbitmq_options& options);
/// What works and is probably not meant.
std::vector<std::string> warnings_of(const rabbitmq_options& options);

}  // namespace mamey::inline v1
