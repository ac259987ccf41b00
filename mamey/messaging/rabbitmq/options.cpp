#include <mamey/messaging/rabbitmq/options.hpp>

#include <charconv>

#include <mamey/core/configuration.hpp>
#include <mamey/core/text.hpp>
#include <mamey/core/time.hpp>
#include <mamey/messaging/rabbitmq/detail/user_signature.hpp>

namespace mamey::inline v1 {

namespace {

bool is_number(const std::string& text) {
  long long value = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
  return wrong == std::errc() && end == text.data() + text.size();
}

void check_queue(const rabbitmq_options& options, std::vector<std::string>& problems) {
  const auto& queue = options.queue;
  const auto require = [&](bool holds, std::string sentence) {
    if (!holds) problems.push_back(std::move(sentence));
  };
  require(queue.type.empty() || queue.type == "classic" || queue.type == "quorum",
          "queue.type must be classic or quorum, not \"" + queue.type + '"');
  require(queue.max_priority >= 0 && queue.max_priority <= 255, "queue.maxPriority must be 0 to 255");
  require(queue.mode.empty() || queue.mode == "lazy" || queue.mode == "default",
          "queue.mode must be lazy or default, not \"" + queue.mode + '"');
  require(queue.delivery_limit == 0 || queue.delivery_limit == -1,
          "queue.deliveryLimit must be 0 or -1, both none: giving messages back at a stop counts against it, so rolling restarts would "
          "lose messages; messaging.startLimit stops poison");
  require(!queue.park_too_large || (queue.declare != false && !options.dead_letter.enabled),
          "queue.parkTooLarge needs queue.declare and no deadLetter: it is an argument of the queue, which one shared with a .NET service "
          "has not");
  require(queue.consumer_timeout.count() > 0, "queue.consumerTimeout must be above 0");
  require(queue.type == "quorum" || queue.delivery_limit == 0, "queue.deliveryLimit is for queue.type quorum alone");
  if (queue.type != "quorum") return;
  require(queue.mode.empty(), "queue.mode is not for queue.type quorum: quorum queues keep their messages on the disk anyway");
  require(queue.max_priority == 0, "queue.maxPriority is not for queue.type quorum: quorum queues know no priorities");
  require(!queue.exclusive, "queue.exclusive is not for queue.type quorum: a replicated queue belongs to no connection");
  require(queue.durable || !queue.declare, "queue.durable must be true for queue.type quorum: quorum queues are always durable");
  require(!queue.auto_delete, "queue.autoDelete is not for queue.type quorum");
  require(!options.qos.global, "qos.global is not for queue.type quorum: quorum queues limit each consumer");
}

/// Keys of .NET Mamey (Convey) that files set and that have no effect here: another key has the function, or none.
void warn_of_what_has_no_effect(const rabbitmq_options& options, std::vector<option_remark>& warnings) {
  const rabbitmq_options defaults;
  const auto warn = [&](bool set, const char* key, const char* sentence) {
    if (set) warnings.push_back({key, std::string("has no effect: ") + sentence});
  };
  warn(options.socket_read_timeout != defaults.socket_read_timeout, "socketReadTimeout", "requestedHeartbeat finds a silent broker");
  warn(options.message_processing_timeout.count() > 0, "messageProcessingTimeout",
       "messaging.handlerTimeout bounds a handler, and cancels it");
  warn(options.use_background_threads_for_io, "useBackgroundThreadsForIo", "the system loop does all input and output");
  warn(options.retries.has_value(), "retries", "messaging.immediateRetries and messaging.delayedRetries count");
  warn(options.retry_interval > 0, "retryInterval", "messaging.delayedRetries holds the waits");
  warn(options.logger.enabled, "logger.enabled", "connections are always logged, and section logger says what is shown");
  warn(options.logger.log_connection_status && !options.logger.enabled, "logger.logConnectionStatus",
       "connections are always logged, and section logger says what is shown");
  warn(options.logger.log_message_payload, "logger.logMessagePayload", "payloads are never logged");
  warn(options.max_producer_channels != defaults.max_producer_channels, "maxProducerChannels", "a relay needs one channel");
  warn(options.requeue_failed_messages, "requeueFailedMessages", "failed messages are retried, then kept in the error store");
}

/// `hostname`, `hosts`, `host`: what is meant for `hostNames` and is not. No other key begins so.
bool resembles_host_names(std::string_view key) {
  return key.size() >= 4 && equal_ignoring_case(key.substr(0, 4), "host") && !equal_ignoring_case(key, "hostNames");
}

/// Throws for hosts that were given under another name, or given and empty: the default would be another broker than the one that is meant.
void check_host_names(const configuration& values) {
  if (!values.keys("rabbitMq:hostNames").empty()) return;
  if (const auto text = values.find("rabbitMq:hostNames"); values.contains("rabbitMq:hostNames") && !text) {
    throw configuration_error({{.origin = values.origin("rabbitMq:hostNames"),
                                .key = "rabbitMq:hostNames",
                                .message = "RabbitMQ hostnames are not specified: the list is empty, expected [\"localhost\"] for one"}});
  }
  for (const auto& key : values.keys("rabbitMq")) {
    if (!resembles_host_names(key)) continue;
    throw configuration_error({{.origin = values.origin("rabbitMq:" + key),
                                .key = "rabbitMq:" + key,
                                .message = "RabbitMQ hostnames are not specified: unknown key, did you mean hostNames?"}});
  }
}

}  // namespace

std::vector<std::string> problems_of(const rabbitmq_options& options) {
  std::vector<std::string> problems;
  const auto require = [&](bool holds, std::string sentence) {
    if (!holds) problems.push_back(std::move(sentence));
  };
  require(!options.host_names.empty(), "hostNames must name at least one host: RabbitMQ hostnames are not specified");
  for (const auto& each : options.host_names) require(!each.empty(), "hostNames holds an empty name");
  // Not shown: such an address holds a password.
  for (const auto& each : options.host_names)
    require(each.find_first_of("@/") == std::string::npos,
            "hostNames holds an address: expected a host's name or IP address, and username, password, port and virtualHost as settings");
  require(options.port >= 0 && options.port <= 65'535, "port must be 0 to 65535");
  require(options.requested_channel_max >= 0 && options.requested_channel_max <= 65'535, "requestedChannelMax must be 0 to 65535");
  require(options.requested_frame_max == 0 || options.requested_frame_max >= 4096, "requestedFrameMax must be 0 or at least 4096");
  require(options.requested_heartbeat.count() >= 0 && options.requested_heartbeat <= std::chrono::hours(18),
          "requestedHeartbeat must be 0 to 18 hours");
  for (const auto& [value, name] : {std::pair(options.requested_connection_timeout, "requestedConnectionTimeout"),
                                    {options.socket_write_timeout, "socketWriteTimeout"},
                                    {options.continuation_timeout, "continuationTimeout"},
                                    {options.handshake_continuation_timeout, "handshakeContinuationTimeout"},
                                    {options.network_recovery_interval, "networkRecoveryInterval"}}) {
    require(value.count() > 0, std::string(name) + " must be above 0");
  }
  require(options.qos.prefetch_count >= 0 && options.qos.prefetch_count <= 65'535, "qos.prefetchCount must be 0 to 65535");
  require(options.qos.prefetch_size == 0, "qos.prefetchSize must be 0: RabbitMQ knows no limit in bytes and closes the channel");
  require(options.foreign_exchange.wait.count() >= 0, "foreignExchange.wait must be 0 or above");
  require(options.publish_window >= 1 && options.publish_window <= 65'536, "publishWindow must be 1 to 65536");
  require(options.max_message_bytes >= 1024 && options.max_message_bytes <= 536'870'912, "maxMessageBytes must be 1024 to 536870912");
  require(!options.context.enabled || !options.context.header.empty(), "context.header must name a header");
  require(!options.span_context_header.empty(), "spanContextHeader must name a header");
  const auto& letters = options.dead_letter;
  require(!letters.enabled || !letters.declare || !letters.prefix.empty() || !letters.suffix.empty(),
          "deadLetter needs a prefix or a suffix: without them its exchange would be our own, and its queue the one that the message has "
          "failed in");
  require(options.dead_letter.ttl.empty() || is_number(options.dead_letter.ttl),
          "deadLetter.ttl must be milliseconds, not \"" + options.dead_letter.ttl + '"');
  require(!options.ssl.external || (options.ssl.enabled && !options.ssl.certificate_path.empty()),
          "ssl.external needs ssl.enabled and ssl.certificatePath");
  const auto& identity = options.identity;
  require(identity.key_id.empty() ? identity.secrets.empty() : identity.secrets.contains(identity.key_id),
          "identity.keyId must name one of identity.secrets, not \"" + identity.key_id + '"');
  for (const auto& [id, secret] : identity.secrets)
    require(!id.empty() && secret.size() >= rabbitmq_detail::shortest_signing_secret,
            "identity.secrets." + id + " must have at least 32 characters: a shorter one can be guessed");
  check_queue(options, problems);
  return problems;
}

std::vector<option_remark> warnings_of(const rabbitmq_options& options) {
  std::vector<option_remark> warnings;
  const auto warn = [&](bool holds, const char* key, const char* sentence) {
    if (holds) warnings.push_back({key, sentence});
  };
  const auto& letters = options.dead_letter;
  const auto& queue = options.queue;
  warn(letters.enabled && !letters.ttl.empty(), "deadLetter.ttl",
       "ends in loss: the key an expired dead letter returns by is bound to nothing; leave it out unless the queue is shared with a .NET "
       "service that declares it");
  warn(queue.type == "quorum" && queue.delivery_limit == 0, "queue.type",
       "quorum without queue.deliveryLimit -1: RabbitMQ 4 gives such queues a limit of 20, which rolling restarts may reach; RabbitMQ 3 "
       "knows none and refuses the -1");
  warn(letters.enabled, "deadLetter.enabled", "is for .NET services that share our queues: our failed messages go to the error store");
  warn(!options.messages_persisted, "messagesPersisted", "false has no effect: what an outbox sends is persistent");
  warn(!options.ssl.x509_ignored_statuses.empty(), "ssl.x509IgnoredStatuses",
       "turns the check of the broker's certificate off: anybody on the way can be the broker");
  warn_of_what_has_no_effect(options, warnings);
  warn(queue.exclusive && queue.durable, "queue.exclusive",
       "makes queue.durable idle: our queues, and what waits in them, are lost with the connection, and a second instance of the service "
       "cannot start");
  warn(queue.declare == true && !queue.durable, "queue.durable",
       "is not true: messages waiting in our queues are lost when the broker restarts");
  warn(options.exchange.declare && !options.exchange.durable, "exchange.durable",
       "is not true: our exchange, and whose queues are bound to it, are gone when the broker restarts, until we are back");
  return warnings;
}

rabbitmq_options read_rabbitmq_options(const configuration& values) {
  check_host_names(values);
  auto options = values.bind<rabbitmq_options>("rabbitMq");
  const auto says = [&](const char* key) { return values.find(key).has_value(); };
  if (values.is_given("rabbitMq:exchange")) {
    if (!says("rabbitMq:exchange:declare")) options.exchange.declare = false;
    if (!says("rabbitMq:exchange:durable")) options.exchange.durable = false;
  }
  if (values.is_given("rabbitMq:queue")) {
    if (!says("rabbitMq:queue:declare")) options.queue.declare.reset();
    if (!says("rabbitMq:queue:durable")) options.queue.durable = false;
  }
  if (options.conventions_casing.empty() && !values.is_given("rabbitMq")) options.conventions_casing = "snakeCase";
  return options;
}

}  // namespace mamey::inline v1
