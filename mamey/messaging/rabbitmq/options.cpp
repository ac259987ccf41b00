#include <mamey/messaging/rabbitmq/options.hpp>

#include <charconv>

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
  require(queue.type.empty() || queue.type == "classic" || queue.type == "quorum", "queue.type must be classic or quorum, not \"" + queue.type + '"');
  require(queue.max_priority >= 0 && queue.max_priority <= 255, "queue.maxPriority must be 0 to 255");
  require(queue.mode.empty() || queue.mode == "lazy" || queue.mode == "default", "queue.mode must be lazy or default, not \"" + queue.mode + '"');
  require(queue.delivery_limit == 0 || queue.delivery_limit == -1,
          "queue.deliveryLimit must be 0 or -1, both none: giving messages back at a stop counts against it, so rolling restarts would lose messages; messaging.startLimit stops poison");
  require(!queue.park_too_large || (queue.declare && !options.dead_letter.enabled),
          "queue.parkTooLarge needs queue.declare and no deadLetter: it is an argument of the queue, which one shared with a .NET service has not");
  require(queue.consumer_timeout.count() > 0, "queue.consumerTimeout must be above 0");
  require(queue.type == "quorum" || !queue.exclusive || !queue.durable || queue.auto_delete,
          "queue.exclusive with queue.durable is lost with its connection all the same: set queue.durable to false, or queue.exclusive to false");
  require(queue.type == "quorum" || queue.delivery_limit == 0, "queue.deliveryLimit is for queue.type quorum alone");
  if (queue.type != "quorum") return;
  require(queue.mode.empty(), "queue.mode is not for queue.type quorum: quorum queues keep their messages on the disk anyway");
  require(queue.max_priority == 0, "queue.maxPriority is not for queue.type quorum: quorum queues know no priorities");
  require(!queue.exclusive, "queue.exclusive is not for queue.type quorum: a replicated queue belongs to no connection");
  require(queue.durable, "queue.durable must be true for queue.type quorum: quorum queues are always durable");
  require(!queue.auto_delete, "queue.autoDelete is not for queue.type quorum");
  require(!options.qos.global, "qos.global is not for queue.type quorum: quorum queues limit each consumer");
}

/// Keys of the reference that files set and whose wish is met elsewhere, or by nobody.
void warn_of_what_has_no_effect(const rabbitmq_options& options, std::vector<std::string>& warnings) {
  const rabbitmq_options defaults;
  const auto warn = [&](bool set, const char* sentence) {
    if (set) warnings.emplace_back(sentence);
  };
  warn(options.socket_read_timeout != defaults.socket_read_timeout, "socketReadTimeout has no effect: requestedHeartbeat finds a silent broker");
  warn(options.message_processing_timeout.count() > 0, "messageProcessingTimeout has no effect: messaging.handlerTimeout bounds a handler, and cancels it");
  warn(options.use_background_threads_for_io, "useBackgroundThreadsForIo has no effect: the system loop does all input and output");
  warn(options.retries > 0, "retries has no effect: messaging.immediateRetries and messaging.delayedRetries count");
  warn(options.retry_interval > 0, "retryInterval has no effect: messaging.delayedRetries holds the waits");
  warn(options.logger.enabled || options.logger.log_connection_status, "logger has no effect: connections are always logged, and section logger says what is shown");
  warn(options.logger.log_message_payload, "logger.logMessagePayload has no effect: payloads are never logged");
  warn(options.max_producer_channels != defaults.max_producer_channels, "maxProducerChannels has no effect: a relay needs one channel");
  warn(options.requeue_failed_messages, "requeueFailedMessages has no effect: failed messages are retried, then kept in the error store");
}

}  // namespace

std::vector<std::string> problems_of(const rabbitmq_options& options) {
  std::vector<std::string> problems;
  const auto require = [&](bool holds, std::string sentence) {
    if (!holds) problems.push_back(std::move(sentence));
  };
  require(!options.host_names.empty(), "hostNames must name at least one host");
  for (const auto& each : options.host_names) require(!each.empty(), "hostNames holds an empty name");
  require(options.port >= 0 && options.port <= 65'535, "port must be 0 to 65535");
  require(options.requested_channel_max >= 0 && options.requested_channel_max <= 65'535, "requestedChannelMax must be 0 to 65535");
  require(options.requested_frame_max == 0 || options.requested_frame_max >= 4096, "requestedFrameMax must be 0 or at least 4096");
  require(options.requested_heartbeat.count() >= 0 && options.requested_heartbeat <= std::chrono::hours(18), "requestedHeartbeat must be 0 to 18 hours");
  for (const auto& [value, name] : {std::pair(options.requested_connection_timeout, "requestedConnectionTimeout"),
                                    {options.socket_write_timeout, "socketWriteTimeout"},
                                    {options.continuation_timeout, "continuationTimeout"},
                                    {options.handshake_continuation_timeout, "handshakeContinuationTimeout"},
                                    {options.network_recovery_interval, "networkRecoveryInterval"}}) {
    require(value.count() > 0, std::string(name) + " must be above 0");
  }
  require(options.qos.prefetch_count >= 0 && options.qos.prefetch_count <= 65'535, "qos.prefetchCount must be 0 to 65535");
  require(options.qos.prefetch_size == 0, "qos.prefetchSize must be 0: RabbitMQ knows no limit in bytes and closes the channel");
  require(options.publish_window >= 1 && options.publish_window <= 65'536, "publishWindow must be 1 to 65536");
  require(options.max_message_bytes >= 1024 && options.max_message_bytes <= 536'870'912, "maxMessageBytes must be 1024 to 536870912");
  require(!options.context.enabled || !options.context.header.empty(), "context.header must name a header");
  require(!options.span_context_header.empty(), "spanContextHeader must name a header");
  require(options.dead_letter.ttl.empty() || is_number(options.dead_letter.ttl), "deadLetter.ttl must be milliseconds, not \"" + options.dead_letter.ttl + '"');
  require(!options.ssl.external || (options.ssl.enabled && !options.ssl.certificate_path.empty()), "ssl.external needs ssl.enabled and ssl.certificatePath");
  const auto& identity = options.identity;
  require(identity.key_id.empty() ? identity.secrets.empty() : identity.secrets.contains(identity.key_id),
          "identity.keyId must name one of identity.secrets, not \"" + identity.key_id + '"');
  for (const auto& [id, secret] : identity.secrets)
    require(!id.empty() && secret.size() >= rabbitmq_detail::shortest_signing_secret, "identity.secrets." + id + " must have at least 32 characters: a shorter one can be guessed");
  check_queue(options, problems);
  return problems;
}

std::vector<std::string> warnings_of(const rabbitmq_options& options) {
  std::vector<std::string> warnings;
  if (options.dead_letter.enabled && !options.dead_letter.ttl.empty())
    warnings.emplace_back("deadLetter.ttl ends in loss: the key an expired dead letter returns by is bound to nothing; leave it out unless the queue is shared with a .NET service that declares it");
  if (options.queue.type == "quorum" && options.queue.delivery_limit == 0)
    warnings.emplace_back("queue.type quorum without queue.deliveryLimit -1: RabbitMQ 4 gives such queues a limit of 20, which rolling restarts may reach; RabbitMQ 3 knows none and refuses the -1");
  if (options.dead_letter.enabled)
    warnings.emplace_back("deadLetter is declared for .NET services that share our queues; our failed messages go to the error store");
  if (!options.messages_persisted) warnings.emplace_back("messagesPersisted: false has no effect: what an outbox sends is persistent");
  if (!options.ssl.x509_ignored_statuses.empty())
    warnings.emplace_back("ssl.x509IgnoredStatuses turns the check of the broker's certificate off: anybody on the way can be the broker");
  warn_of_what_has_no_effect(options, warnings);
  if (!options.queue.durable) warnings.emplace_back("queue.durable is false: messages waiting in our queues are lost when the broker restarts");
  return warnings;
}

}  // namespace mamey::inline v1
