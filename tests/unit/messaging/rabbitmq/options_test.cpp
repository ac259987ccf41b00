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
  return read_rabbitmq_options(values);
}

/// What a file may say, and what comes of it.
struct key_of_the_reference {
  const char* json;       ///< under `rabbitMq`
  const char* met_by;     ///< read: what it gives, as `shown` has it
  const char* says = "";  ///< refused or warned of, with these words; empty: neither
};

const key_of_the_reference keys[] = {
    {R"("connectionName": "orders-service")", "orders-service"},
    {R"("hostNames": ["a", "b:5673"])", "a,b:5673"},
    {R"("port": "5674")", "5674"},
    {R"("virtualHost": "shop")", "shop"},
    {R"("username": "mia")", "mia"},
    {R"("password": "geheim")", "geheim"},
    {R"("requestedHeartbeat": "00:00:20")", "heartbeat 20000"},
    {R"("requestedConnectionTimeout": "00:00:31")", "connection 31000"},
    {R"("socketReadTimeout": "00:00:32")", "", "requestedHeartbeat finds a silent broker"},
    {R"("socketReadTimeout": "00:00:30")", ""},
    {R"("socketWriteTimeout": "00:00:33")", "write 33000"},
    {R"("continuationTimeout": "00:00:21")", "continuation 21000"},
    {R"("handshakeContinuationTimeout": "00:00:11")", "handshake 11000"},
    {R"("networkRecoveryInterval": "00:00:06")", "recovery 6000"},
    {R"("messageProcessingTimeout": "00:00:07")", "", "messaging.handlerTimeout"},
    {R"("messageProcessingTimeout": null)", ""},
    {R"("requestedChannelMax": 100)", "channels 100"},
    {R"("requestedFrameMax": 8192)", "frame 8192"},
    {R"("useBackgroundThreadsForIO": true)", "", "system loop"},
    {R"("conventionsCasing": "snakeCase")", "snakeCase"},
    {R"("retries": 3)", "", "messaging.immediateRetries"},
    {R"("retries": 0)", "", "messaging.immediateRetries"},
    {R"("retries": -1)", "", "messaging.immediateRetries"},
    {R"("retryInterval": 2)", "", "messaging.delayedRetries"},
    {R"("messagesPersisted": true)", ""},
    {R"("messagesPersisted": false)", "", "what an outbox sends is persistent"},
    {R"("context": {"enabled": true, "header": "ctx"})", "context ctx"},
    {R"("context": {"enabled": true, "header": ""})", "", "context.header"},
    {R"("spanContextHeader": "span")", "span"},
    {R"("exchange": {"name": "Orders", "type": "direct", "declare": false, "durable": false, "autoDelete": true})",
     "Orders direct used transient auto-delete"},
    {R"("exchange": {"name": "Orders"})", "Orders  used transient"},
    {R"("exchange": {"declare": true})", " transient", "exchange.durable is not true"},
    {R"("exchange": {"declare": true, "durable": true})", ""},
    {R"("exchange": {})", ""},
    {R"("queue": {"template": "svc/{{message}}", "declare": false})", "svc/{{message}} used"},
    {R"("queue": {"template": "svc/{{message}}"})", "svc/{{message}} declared if need be"},
    {R"("queue": {"declare": true})", "transient", "lost when the broker restarts"},
    {R"("queue": {"declare": true, "durable": false, "exclusive": true, "autoDelete": true})", "transient exclusive auto-delete",
     "lost when the broker restarts"},
    {R"("queue": {"declare": true, "durable": true, "exclusive": true})", "exclusive", "makes queue.durable idle"},
    {R"("foreignExchange": {"wait": "00:00:30", "declare": false})", "waits 30000 for ever"},
    {R"("deadLetter": {"enabled": true, "prefix": "dlx-", "suffix": "-x"})", "dlx-test-x dlx-q-x", "error store"},
    {R"("deadLetter": {"enabled": true, "ttl": 86400000})", "ttl 86400000", "ends in loss"},
    {R"("deadLetter": {"ttl": "soon"})", "", "milliseconds"},
    {R"("deadLetter": {"enabled": true, "declare": true})", "", "needs a prefix or a suffix"},
    {R"("deadLetter": {"declare": true, "durable": true, "exclusive": true, "autoDelete": true})",
     "letters declared durable exclusive auto-delete"},
    {R"("qos": {"prefetchSize": 1000})", "", "no limit in bytes"},
    {R"("qos": {"prefetchCount": 5, "global": true})", "prefetch 5 global"},
    {R"("conventions": {"messageAttribute": {"ignoreExchange": true, "ignoreRoutingKey": true, "ignoreQueue": true}})",
     "ignores exchange, key, queue"},
    {R"("logger": {"enabled": true})", "", "connections are always logged"},
    {R"("logger": {"logConnectionStatus": true})", "", "connections are always logged"},
    {R"("logger": {"logMessagePayload": true})", "", "payloads are never logged"},
    {R"("ssl": {"enabled": true, "serverName": "rabbit", "certificatePath": "c.pfx", "caCertificatePath": "ca.pem"})",
     "tls rabbit c.pfx ca.pem"},
    {R"("ssl": {"x509IgnoredStatuses": ["NotTimeValid"]})", "", "anybody on the way can be the broker"},
    {R"("maxProducerChannels": 500)", "", "needs one channel"},
    {R"("maxProducerChannels": 1000)", ""},
    {R"("requeueFailedMessages": true)", "", "error store"},
};

std::string shown(const rabbitmq_options& got) {
  std::string text = got.connection_name + ' ';
  for (const auto& each : got.host_names) text += each + ',';
  const auto add = [&](const std::string& what) { text += ' ' + what; };
  const auto span = [&](const char* name, std::chrono::milliseconds value) {
    add(std::string(name) + ' ' + std::to_string(value.count()));
  };
  const auto flag = [&](bool set, const char* name) {
    if (set) add(name);
  };
  for (const auto& each :
       {std::to_string(got.port), got.virtual_host, got.username, got.password, got.conventions_casing, got.span_context_header})
    add(each);
  span("heartbeat", got.requested_heartbeat);
  span("connection", got.requested_connection_timeout);
  span("write", got.socket_write_timeout);
  span("continuation", got.continuation_timeout);
  span("handshake", got.handshake_continuation_timeout);
  span("recovery", got.network_recovery_interval);
  add("channels " + std::to_string(got.requested_channel_max));
  add("frame " + std::to_string(got.requested_frame_max));
  if (got.context.enabled) add("context " + got.context.header);
  add(got.exchange.name + ' ' + got.exchange.type);
  flag(!got.exchange.declare, "used");
  flag(!got.exchange.durable, "transient");
  flag(got.exchange.auto_delete, "auto-delete");
  add(got.queue.template_);
  flag(got.queue.declare == false, "used");
  flag(!got.queue.declare, "declared if need be");
  auto named = got;
  named.exchange.name = "test";
  const auto queue = topology_keeper(named).request_for({.name = "q"});
  flag(!queue.durable, "transient");
  flag(queue.exclusive, "exclusive");
  flag(queue.auto_delete, "auto-delete");
  for (const auto& [name, value] : queue.arguments) {
    if (const auto* const letters = std::get_if<std::string>(&value)) add(*letters);
  }
  if (!got.dead_letter.ttl.empty()) add("ttl " + got.dead_letter.ttl);
  flag(got.dead_letter.declare, "letters declared");
  flag(got.dead_letter.durable, "durable");
  flag(got.dead_letter.exclusive, "exclusive");
  flag(got.dead_letter.auto_delete, "auto-delete");
  add("waits " + std::to_string(got.foreign_exchange.wait.count()) + (got.foreign_exchange.declare ? "" : " for ever"));
  add("prefetch " + std::to_string(got.qos.prefetch_count));
  flag(got.qos.global, "global");
  const auto& ignored = got.conventions.message_attribute;
  flag(ignored.ignore_exchange && ignored.ignore_routing_key && ignored.ignore_queue, "ignores exchange, key, queue");
  flag(got.ssl.enabled, "tls");
  for (const auto& each : {got.ssl.server_name, got.ssl.certificate_path, got.ssl.ca_certificate_path}) add(each);
  return text;
}

TEST(rabbitmq_options, every_key_of_the_reference_is_read_or_refused_or_warned_of_with_the_reason) {
  for (const auto& each : keys) {
    const auto got = read(R"({"rabbitmq": {)" + std::string(each.json) + "}}");
    EXPECT_NE(shown(got).find(each.met_by), std::string::npos) << each.json << " gives: " << shown(got);
    std::string said;
    for (const auto& sentence : problems_of(got)) said += sentence + '\n';
    for (const auto& [key, sentence] : warnings_of(got)) said += key + ' ' + sentence + '\n';
    EXPECT_EQ(said.empty(), *each.says == '\0') << each.json << ": " << said;
    EXPECT_NE(said.find(each.says), std::string::npos) << each.json << ": " << said;
  }
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
      {R"({"queue": {"type": "quorum", "declare": true, "durable": false}})", "always durable"},
      {R"({"queue": {"type": "quorum", "declare": true}})", "always durable"},
      {R"({"queue": {"type": "quorum", "autoDelete": true}})", "queue.autoDelete"},
      {R"({"queue": {"type": "quorum"}, "qos": {"global": true}})", "limit each consumer"},
      {R"({"queue": {"type": "quorum", "deliveryLimit": 20}})", "rolling restarts would lose messages"},
      {R"({"queue": {"deliveryLimit": -1}})", "quorum alone"},
      {R"({"queue": {"type": "quorum", "mode": "lazy"}})", "on the disk anyway"},
      {R"({"queue": {"parkTooLarge": true, "declare": false}})", "an argument of the queue"},
      {R"({"queue": {"parkTooLarge": true}, "deadLetter": {"enabled": true}})", "an argument of the queue"},
      {R"({"queue": {"mode": "idle"}})", "lazy or default"},
      {R"({"queue": {"type": "stream"}})", "classic or quorum"},
      {R"({"deadLetter": {"enabled": true, "declare": true}})", "needs a prefix or a suffix"},
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

/// Why these settings are refused.
std::string refusal_of(std::string_view json) {
  try {
    read(json);
    return "taken";
  } catch (const configuration_error& refused) {
    return refused.reason();
  }
}

TEST(rabbitmq_options, hosts_that_are_misspelt_or_an_empty_list_are_refused_as_there) {
  for (const auto* each : {R"({"rabbitMq": {"hostNames": []}})", R"({"rabbitMq": {"hostNames": null}})"})
    EXPECT_NE(refusal_of(each).find("rabbitMq:hostNames: RabbitMQ hostnames are not specified"), std::string::npos) << refusal_of(each);
  for (const auto* each : {"hostname", "hosts", "host", "HostName"}) {
    const auto said = refusal_of(R"({"rabbitMq": {")" + std::string(each) + R"(": ["broker"]}})");
    EXPECT_NE(said.find("RabbitMQ hostnames are not specified: unknown key, did you mean hostNames?"), std::string::npos) << said;
  }
  EXPECT_EQ(refusal_of(R"({"rabbitMq": {"hostNames": ["broker"], "hosts": 5}})"), "taken")
      << "an unknown key beside them is told, and no more";
}

TEST(rabbitmq_options, an_address_among_the_hosts_is_refused_and_its_password_is_not_shown) {
  for (const auto* host : {"amqp://me:s3cret@broker:5672/shop", "me:s3cret@broker"}) {
    const auto problems = problems_of(read(R"({"rabbitMq": {"hostNames": [")" + std::string(host) + R"("]}})"));
    ASSERT_EQ(problems.size(), 1U) << host;
    EXPECT_NE(problems[0].find("hostNames holds an address: expected a host's name"), std::string::npos) << problems[0];
    EXPECT_EQ(problems[0].find("s3cret"), std::string::npos) << problems[0];
  }
}

TEST(rabbitmq_options, what_the_application_sets_as_a_default_makes_no_section) {
  configuration values;
  values.set("rabbitMq:exchange:name", "orders", default_origin);
  const auto got = read_rabbitmq_options(values);
  EXPECT_TRUE(got.exchange.declare && got.exchange.durable);
  EXPECT_EQ(got.conventions_casing, "snakeCase");
  configuration with_section;
  with_section.add_json(R"({"rabbitMq": {"port": 5673}})");
  with_section.set("rabbitMq:exchange:name", "orders", default_origin);  // where nothing else is given, as the host does it
  EXPECT_EQ(read_rabbitmq_options(with_section).conventions_casing, "") << "a section: names are as written";
  EXPECT_TRUE(read_rabbitmq_options(with_section).exchange.declare);
}

TEST(rabbitmq_options, a_transport_is_not_made_with_what_is_refused) {
  runtime loops({.threads = 1});
  EXPECT_THROW(rabbitmq_transport(loops.system_loop(), {.host_names = {}}, "orders"), validation_error);
}

TEST(rabbitmq_options, what_is_probably_not_meant_is_warned_of) {
  EXPECT_EQ(warnings_of(read(R"({"rabbitMq": {"deadLetter": {"enabled": true, "ttl": 1000}}})")).size(), 2U);
  EXPECT_EQ(warnings_of(read(R"({"rabbitMq": {"messagesPersisted": false}})")).size(), 1U);
  EXPECT_EQ(warnings_of(read(R"({"rabbitMq": {"queue": {"declare": true, "durable": false}}})")).size(), 1U);
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
  ours.queue.delivery_limit = -1;
  EXPECT_EQ(topology_keeper(ours).request_for({.name = "q"}).arguments,
            (field_table{{"x-queue-type", std::string("quorum")}, {"x-delivery-limit", std::int64_t{-1}}}));
  ours.queue = {.max_priority = 9, .mode = "lazy"};
  EXPECT_EQ(topology_keeper(ours).request_for({.name = "q"}).arguments,
            (field_table{{"x-queue-mode", std::string("lazy")}, {"x-max-priority", std::int64_t{9}}}));
}

}  // namespace
}  // namespace mamey
