#include <gtest/gtest.h>

#include <mamey/core/configuration.hpp>
#include <mamey/core/error.hpp>
#include <mamey/core/time.hpp>
#include <mamey/messaging/rabbitmq/detail/topology_keeper.hpp>
#include <mamey/messaging/rabbitmq/options.hpp>
#include <mamey/messaging/rabbitmq/transport.hpp>
#include <mamey/runtime/runtime.hpp>

namespace mamey {
namespace {

using rabbitmq_detail::field_table;
using rabbitmq_detail::topology_keeper;

rabbitmq_options read(std::string_view json) {
  configuration values;
  values.add_json(json);
  return values.bind<rabbitmq_options>("rabbitMq");
}

TEST(rabbitmq_options, every_key_of_the_reference_is_read) {
  const auto got = read(R"({"rabbitmq": {
    "connectionName": "orders-service", "hostNames": ["a", "b:5673"], "port": "5674", "virtualHost": "shop", "username": "mia", "password": "geheim",
    "requestedHeartbeat": "00:00:20", "requestedConnectionTimeout": "00:00:31", "socketReadTimeout": "00:00:32", "socketWriteTimeout": "00:00:33",
    "continuationTimeout": "00:00:21", "handshakeContinuationTimeout": "00:00:11", "networkRecoveryInterval": "00:00:06",
    "messageProcessingTimeout": "00:00:07", "requestedChannelMax": 100, "requestedFrameMax": 8192, "useBackgroundThreadsForIO": true,
    "conventionsCasing": "snakeCase", "retries": 3, "retryInterval": 2, "messagesPersisted": true,
    "context": {"enabled": true, "header": "ctx"}, "spanContextHeader": "span",
    "exchange": {"name": "orders", "type": "topic", "declare": true, "durable": true, "autoDelete": false},
    "queue": {"template": "orders-service/{{exchange}}.{{message}}", "declare": true, "durable": true, "exclusive": false, "autoDelete": false},
    "deadLetter": {"enabled": true, "prefix": "dlx-", "suffix": "-dead", "declare": true, "durable": true, "exclusive": false, "autoDelete": false, "ttl": 86400000},
    "qos": {"prefetchSize": 0, "prefetchCount": 5, "global": false},
    "conventions": {"messageAttribute": {"ignoreExchange": true, "ignoreRoutingKey": true, "ignoreQueue": true}},
    "logger": {"enabled": true, "logConnectionStatus": true, "logMessagePayload": true},
    "ssl": {"enabled": true, "serverName": "rabbit", "certificatePath": "c.pfx", "caCertificatePath": "ca.pem", "x509IgnoredStatuses": ["NotTimeValid"]},
    "maxProducerChannels": 500, "requeueFailedMessages": true}})");
  using namespace std::chrono_literals;
  EXPECT_EQ(got.connection_name, "orders-service");
  EXPECT_EQ(got.host_names, (std::vector<std::string>{"a", "b:5673"}));
  EXPECT_EQ(got.port, 5674);
  EXPECT_EQ(got.virtual_host, "shop");
  EXPECT_EQ(got.username, "mia");
  EXPECT_EQ(got.password, "geheim");
  EXPECT_EQ(got.requested_heartbeat, 20s);
  EXPECT_EQ(got.requested_connection_timeout, 31s);
  EXPECT_EQ(got.socket_read_timeout, 32s);
  EXPECT_EQ(got.socket_write_timeout, 33s);
  EXPECT_EQ(got.continuation_timeout, 21s);
  EXPECT_EQ(got.handshake_continuation_timeout, 11s);
  EXPECT_EQ(got.network_recovery_interval, 6s);
  EXPECT_EQ(got.message_processing_timeout, 7s);
  EXPECT_EQ(got.requested_channel_max, 100);
  EXPECT_EQ(got.requested_frame_max, 8192);
  EXPECT_TRUE(got.use_background_threads_for_io);
  EXPECT_EQ(got.conventions_casing, "snakeCase");
  EXPECT_EQ(got.retries, 3);
  EXPECT_EQ(got.retry_interval, 2);
  EXPECT_TRUE(got.context.enabled);
  EXPECT_EQ(got.context.header, "ctx");
  EXPECT_EQ(got.span_context_header, "span");
  EXPECT_EQ(got.exchange.name, "orders");
  EXPECT_TRUE(got.dead_letter.enabled && got.dead_letter.declare && got.dead_letter.durable);
  EXPECT_EQ(got.dead_letter.prefix, "dlx-");
  EXPECT_EQ(got.dead_letter.suffix, "-dead");
  EXPECT_EQ(got.dead_letter.ttl, "86400000");
  EXPECT_EQ(got.qos.prefetch_count, 5);
  EXPECT_TRUE(got.conventions.message_attribute.ignore_exchange);
  EXPECT_TRUE(got.logger.log_message_payload);
  EXPECT_EQ(got.ssl.server_name, "rabbit");
  EXPECT_EQ(got.ssl.certificate_path, "c.pfx");
  EXPECT_EQ(got.ssl.ca_certificate_path, "ca.pem");
  EXPECT_EQ(got.ssl.x509_ignored_statuses.size(), 1U);
  EXPECT_EQ(got.max_producer_channels, 500);
  EXPECT_TRUE(got.requeue_failed_messages);
  EXPECT_TRUE(problems_of(got).empty());
}

TEST(rabbitmq_options, the_defaults_can_be_used) {
  const auto got = read("{}");
  EXPECT_EQ(got.host_names, (std::vector<std::string>{"localhost"}));
  EXPECT_EQ(got.virtual_host, "/");
  EXPECT_TRUE(problems_of(got).empty());
  EXPECT_TRUE(warnings_of(got).empty());
}

TEST(rabbitmq_options, combinations_that_lose_messages_or_cannot_work_are_refused_with_the_reason) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"queue": {"type": "quorum", "maxPriority": 5}})", "no priorities"},
      {R"({"queue": {"type": "quorum", "exclusive": true}})", "belongs to no connection"},
      {R"({"queue": {"type": "quorum", "durable": false}})", "always durable"},
      {R"({"queue": {"type": "quorum", "autoDelete": true}})", "queue.autoDelete"},
      {R"({"queue": {"type": "quorum"}, "qos": {"global": true}})", "limit each consumer"},
      {R"({"queue": {"deliveryLimit": 20}})", "rolling restarts would lose messages"},
      {R"({"queue": {"type": "stream"}})", "classic or quorum"},
      {R"({"queue": {"exclusive": true}})", "lost with its connection"},
      {R"({"hostNames": [""]})", "empty name"},
      {R"({"port": 70000})", "0 to 65535"},
      {R"({"requestedFrameMax": 100})", "4096"},
      {R"({"qos": {"prefetchSize": 1000}})", "no limit in bytes"},
      {R"({"continuationTimeout": "00:00:00"})", "continuationTimeout"},
      {R"({"publishWindow": 0})", "publishWindow"},
      {R"({"deadLetter": {"ttl": "soon"}})", "milliseconds"},
      {R"({"ssl": {"external": true}})", "certificatePath"},
      {R"({"identity": {"keyId": "a"}})", "one of identity.secrets"},
      {R"({"identity": {"keyId": "a", "secrets": {"a": "short"}}})", "at least 32"},
      {R"({"identity": {"secrets": {"a": "0123456789abcdef0123456789abcdef"}}})", "one of identity.secrets"},
  };
  for (const auto& [json, expected] : cases) {
    const auto problems = problems_of(read(R"({"rabbitMq": )" + std::string(json) + "}"));
    ASSERT_EQ(problems.size(), 1U) << json;
    EXPECT_NE(problems[0].find(expected), std::string::npos) << problems[0];
  }
}

TEST(rabbitmq_options, a_transport_is_not_made_with_what_is_refused) {
  runtime loops({.threads = 1});
  EXPECT_THROW(rabbitmq_transport(loops.system_loop(), {.host_names = {}}, "orders"), validation_error);
}

TEST(rabbitmq_options, what_is_probably_not_meant_is_warned_of) {
  EXPECT_EQ(warnings_of(read(R"({"rabbitMq": {"deadLetter": {"enabled": true, "ttl": 1000}}})")).size(), 2U);
  EXPECT_EQ(warnings_of(read(R"({"rabbitMq": {"messagesPersisted": false}})")).size(), 1U);
  EXPECT_EQ(warnings_of(read(R"({"rabbitMq": {"queue": {"durable": false}}})")).size(), 1U);
  EXPECT_EQ(warnings_of(read(R"({"rabbitMq": {"ssl": {"x509IgnoredStatuses": ["a"]}}})")).size(), 1U);
}

TEST(rabbitmq_topology, a_queue_has_the_reference_s_arguments_and_no_others) {
  EXPECT_TRUE(topology_keeper({}).request_for({.name = "q"}).arguments.empty());
  rabbitmq_options shared;
  shared.exchange.name = "Orders";
  shared.dead_letter = {.enabled = true, .prefix = "dlx-", .suffix = "-x"};
  const auto made = topology_keeper(shared).request_for({.name = "orders-service/orders.order_created"});
  EXPECT_EQ(made.arguments, (field_table{{"x-dead-letter-exchange", std::string("dlx-Orders-x")},  // not in the casing of the conventions
                                         {"x-dead-letter-routing-key", std::string("dlx-orders-service/orders.order_created-x")}}));
}

TEST(rabbitmq_topology, our_own_kinds_of_queue_show_in_their_arguments) {
  rabbitmq_options ours;
  ours.queue.type = "quorum";
  EXPECT_EQ(topology_keeper(ours).request_for({.name = "q", .ordered = true}).arguments,
            (field_table{{"x-queue-type", std::string("quorum")}, {"x-single-active-consumer", true}}));
}

}  // namespace
}  // namespace mamey
