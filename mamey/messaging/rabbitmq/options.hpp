#pragma once

/// @file
/// For services.
/// Section `rabbitMq`: the keys of .NET Mamey (Convey), with AMQP's defaults where it had none, and ours.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mamey/core/reflect.hpp>
#include <mamey/core/rules.hpp>
#include <mamey/core/time.hpp>

namespace mamey::inline v1 {

/// Section `rabbitMq`. Names of exchanges and queues apply to every transport, so that a service can change its transport; all other keys
/// are for RabbitMQ.
struct rabbitmq_options {
  std::string
      connection_name;  ///< the connections are named `NAME_producer` and `NAME_consumer` at the broker; empty: the application's name
  std::vector<std::string> host_names{"localhost"};  ///< tried in order; `name` or `name:port`
  int port = 0;                                      ///< 0: 5672, over TLS 5671
  std::string virtual_host = "/";                    ///< virtual host of exchanges and queues
  std::string username = "guest";                    ///< name of the user
  std::string password = "guest";                    ///< password of the user
  std::chrono::milliseconds requested_heartbeat{
      60'000};  ///< interval of heartbeats; silence for twice this time ends the connection; 0: none
  std::chrono::milliseconds requested_connection_timeout{30'000};    ///< longest time to connect to one host, with TLS
  std::chrono::milliseconds socket_read_timeout{30'000};             ///< accepted and without effect: heartbeats detect a silent broker
  std::chrono::milliseconds socket_write_timeout{30'000};            ///< a write without progress for this time ends the connection
  std::chrono::milliseconds continuation_timeout{20'000};            ///< longest wait for an answer to declaring, subscribing or closing
  std::chrono::milliseconds handshake_continuation_timeout{10'000};  ///< longest time of the handshakes that open and close a connection
  std::chrono::milliseconds network_recovery_interval{5'000};        ///< longest pause between tries to connect; the first pause is 100 ms
  std::chrono::milliseconds message_processing_timeout{
      0};                                      ///< accepted and without effect: `messaging:handlerTimeout` also cancels the handler
  int requested_channel_max = 0;               ///< maximum number of channels per connection; 0: as the broker says
  int requested_frame_max = 0;                 ///< largest frame in bytes; 0: as the broker says
  bool use_background_threads_for_io = false;  ///< accepted: all I/O is on the system loop
  std::string
      conventions_casing;  ///< `snakeCase`: names in snake_case; any other value: names as written. Empty: as written if there is a section `rabbitMq`, else snake_case
  std::optional<int> retries;      ///< accepted and without effect, 0 as well: use `messaging:immediateRetries` and `delayedRetries`
  int retry_interval = 0;          ///< accepted and without effect: use `messaging:immediateRetries` and `delayedRetries`
  bool messages_persisted = true;  ///< accepted and without effect: messages from an outbox are always persistent
  struct broker_context {
    bool enabled = false;                    ///< every message carries a context: the user, or an empty object
    std::string header = "message_context";  ///< name of the context's header
  } context;
  std::string span_context_header = "span_context";  ///< header of the trace in Jaeger's form
  struct broker_exchange {
    std::string name;          ///< name of the application's own exchange; empty: `app:assembly`, else the application's name
    std::string type;          ///< type of our own exchange; empty: topic
    bool declare = true;       ///< we declare our own exchange; false: it must exist. A section `exchange` without this key means false
    bool durable = true;       ///< our own exchange survives a restart of the broker. A section `exchange` without this key means false
    bool auto_delete = false;  ///< the broker deletes our own exchange after its last queue
  } exchange;
  struct broker_foreign_exchange {
    std::chrono::milliseconds wait{
        10'000};  ///< how long the owner of an exchange that we listen to may take to declare it; then we declare it, as a durable topic exchange
    bool declare = true;  ///< false: we wait for its owner without a limit
  } foreign_exchange;     ///< a missing exchange of another service that we listen to
  struct broker_queue {
    std::string template_;  ///< template of queue names; empty: `{{assembly}}/{{exchange}}.{{message}}`
    std::optional<bool> declare =
        true;  ///< we declare queues; false: queues must exist. A section `queue` without this key means: declared if missing
    bool durable =
        true;  ///< our queues survive a restart of the broker. A section `queue` without this key means false, except for queues that it declares because they are missing
    bool exclusive = false;    ///< our queues belong to one connection and are deleted with it
    bool auto_delete = false;  ///< the broker deletes our queues after their last consumer
    std::string type;          ///< `classic` or `quorum`; empty: no such argument, as in .NET Mamey (Convey)
    int max_priority = 0;      ///< number of priorities of our queues; 0: none
    std::string mode;  ///< `lazy`: a classic queue that keeps its messages on the disk; empty: no such argument, as in .NET Mamey (Convey)
    int delivery_limit =
        0;  ///< 0: no such argument; -1: unlimited, for quorum queues of RabbitMQ 4. A finite limit is refused, because requeues of a rolling restart would count
    bool park_too_large = false;  ///< the broker moves a message above maxMessageBytes to `QUEUE.too-large`; false: it stays in its queue
    std::chrono::milliseconds consumer_timeout{1'800'000};  ///< the broker's limit for an unsettled delivery; handlers must be faster
  } queue;
  struct broker_dead_letter {
    bool enabled = false;      ///< queues name a dead-letter exchange, like queues that are shared with .NET services
    std::string prefix;        ///< prefix of the names of the dead-letter exchange and queues
    std::string suffix;        ///< suffix of these names
    bool declare = false;      ///< we declare them too; the exchange only if `exchange.declare`
    bool durable = false;      ///< the dead-letter queues are durable; for the exchange `exchange` decides
    bool exclusive = false;    ///< the dead-letter queues are exclusive: we leave them to the .NET service that has them
    bool auto_delete = false;  ///< the broker deletes the dead-letter queues after their last consumer; for the exchange `exchange` decides
    std::string ttl;           ///< how many milliseconds a dead letter lives before it is lost; 0 or less: a day; empty: no limit
  } dead_letter;
  struct broker_qos {
    int prefetch_size = 0;   ///< only 0 is accepted: RabbitMQ has no limit in bytes
    int prefetch_count = 0;  ///< maximum number of unsettled deliveries per subscription; 0: as `messaging:prefetch` says
    bool global = false;     ///< the limit applies to the channel
  } qos;
  struct broker_conventions {
    struct broker_attribute {
      bool ignore_exchange = false;     ///< ignores the exchange that a message type declares
      bool ignore_routing_key = false;  ///< ignores the routing key that a message type declares
      bool ignore_queue = false;        ///< ignores the queue that a message type declares
    } message_attribute;
  } conventions;
  struct broker_logger {
    bool enabled = false;                ///< accepted and without effect: section `logger` decides
    bool log_connection_status = false;  ///< accepted and without effect: connections are always logged
    bool log_message_payload = false;    ///< accepted and without effect: payloads are never logged
  } logger;
  struct broker_ssl {
    bool enabled = false;                            ///< connects with TLS
    std::string server_name;                         ///< the name that the broker's certificate must hold; empty: the host's name
    std::string certificate_path;                    ///< our own certificate: PFX or PEM
    std::string certificate_password;                ///< password of the PFX file or the key
    std::string key_path;                            ///< a PEM key that is not in the certificate's file
    std::string ca_certificate_path;                 ///< the trusted authorities; empty: those of the system
    std::vector<std::string> x509_ignored_statuses;  ///< any entry turns the check of the broker's certificate off, with a warning
    bool external = false;                           ///< the certificate is the login, instead of user and password
  } ssl;
  struct broker_identity {
    std::string key_id;  ///< id of the key that signs the user of messages that we publish; empty: users are not signed
    std::map<std::string, std::string>
        secrets;  ///< keys by their ids, shared by the services, with at least 32 characters. Keep an old key as long as messages that it signed exist
  } identity;
  int max_producer_channels = 1000;      ///< accepted and without effect: one channel per relay is enough
  bool requeue_failed_messages = false;  ///< accepted and without effect: failed messages go to the error store
  int publish_window = 1024;             ///< maximum number of unconfirmed messages per channel
  std::int64_t max_message_bytes =
      134'217'728;  ///< larger messages are refused before they are sent; the default is the broker's own limit
  std::vector<std::string> trust_unsigned_from;  ///< exchanges whose unsigned messages are trusted to name their user

  static constexpr auto rules() {
    return all(field<&rabbitmq_options::requested_heartbeat>.zero_is_none(),
               field<&rabbitmq_options::message_processing_timeout>.zero_is_none());
  }
};

template <>
struct wire_names<rabbitmq_options::broker_queue> {
  static constexpr std::pair<std::string_view, std::string_view> names[] = {{"template_", "template"}};
};

class configuration;

/// Reads section `rabbitMq`. Missing keys have the meaning of .NET: when a section `exchange` or `queue` exists, `declare` and `durable`
/// are false unless it sets them. Throws configuration_error; also when the hosts are missing although the section describes a broker.
rabbitmq_options read_rabbitmq_options(const configuration& values);

/// The errors, one sentence each; empty when the options can be used.
std::vector<std::string> problems_of(const rabbitmq_options& options);

/// A sentence about a key: `retries`, `has no effect: …`.
struct option_remark {
  std::string key;  ///< under `rabbitMq`, its parts separated by `.`
  std::string sentence;
};
/// Settings that work and are probably not intended.
std::vector<option_remark> warnings_of(const rabbitmq_options& options);

}  // namespace mamey::inline v1
