#include <gtest/gtest.h>

#include <mamey/messaging/rabbitmq/detail/wire_message.hpp>

namespace mamey::rabbitmq_detail {
namespace {

constexpr const char* traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::string header(const message_properties& of, std::string_view name) {
  const auto* const found = find_field(of.headers, name);
  return found ? std::get<std::string>(*found) : "(none)";
}

envelope example() {
  envelope message;
  message.id = "0191d7d1c0a07000a000000000000001";
  message.correlation_id = "c";
  message.type = "OrderCreated";
  message.version = 2;
  message.source = "orders";
  message.occurred_at = wall_time(std::chrono::microseconds(1'700'000'000'123'456));
  message.key = "k";
  message.tenant = "t";
  message.user = R"({"id":"u"})";
  message.traceparent = traceparent;
  message.headers = {{"Saga", "pending"}};
  message.body = "{}";
  return message;
}

envelope through(const message_properties& properties, const wire_format& format = {}) {
  return from_wire(message_properties(properties), "{}", "orders", "order_created", format);
}

TEST(wire_message, is_the_reference_s_with_ours_on_top) {
  const auto out = to_wire(example(), {.with_context = true});
  EXPECT_EQ(out.message_id, "0191d7d1c0a07000a000000000000001");
  EXPECT_EQ(out.correlation_id, "c");
  EXPECT_EQ(out.timestamp, 1'700'000'000U) << "whole seconds";
  EXPECT_EQ(header(out, "message_context"), R"({"id":"u"})");
  EXPECT_EQ(header(out, "span_context"), "0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0:1");
  EXPECT_EQ(header(out, "Saga"), "pending");
  EXPECT_EQ(out.delivery_mode, 2);
  EXPECT_EQ(out.content_type, "application/json");
  EXPECT_EQ(out.type, "OrderCreated");
  EXPECT_EQ(header(out, "traceparent"), traceparent);
  EXPECT_EQ(header(out, "mamey-id"), out.message_id);
  EXPECT_EQ(header(out, "mamey-version"), "2");
  for (const auto& [name, value] : out.headers) EXPECT_TRUE(std::holds_alternative<std::string>(value)) << name << " is no long string";
}

TEST(wire_message, without_a_context_section_there_is_no_context_and_with_it_never_none) {
  auto message = example();
  EXPECT_EQ(header(to_wire(message, {}), "message_context"), "(none)");
  message.user.clear();
  EXPECT_EQ(header(to_wire(message, {.with_context = true}), "message_context"), "{}");
  message.headers["ctx"] = "mine";
  EXPECT_EQ(header(to_wire(message, {.with_context = true, .context_header = "ctx"}), "ctx"), "mine");
}

TEST(wire_message, headers_that_copied_another_message_s_count_for_nothing) {
  auto out = to_wire(example(), {});
  out.message_id = "another";  // as a .NET service publishes: its own id, the headers of what it handled
  find_field(out.headers, "span_context");
  for (auto& [name, value] : out.headers) {
    if (name == "span_context") value = std::string("1:2:0:1");
  }
  const auto got = through(out);
  EXPECT_EQ(got.id, "another");
  EXPECT_EQ(got.version, 1);
  EXPECT_EQ(got.key, "");
  EXPECT_EQ(got.tenant, "");
  EXPECT_EQ(got.user, "");
  EXPECT_EQ(got.traceparent, "00-00000000000000000000000000000001-0000000000000002-01") << "span_context wins";
  EXPECT_EQ(got.headers, (std::map<std::string, std::string>{{"Saga", "pending"}}));
}

TEST(wire_message, without_the_header_that_names_it_our_headers_are_not_believed) {
  message_properties foreign{.headers = {{"mamey-user", std::string("root")}, {"mamey-kind", std::string("command")}}, .message_id = "m"};
  const auto got = through(foreign);
  EXPECT_EQ(got.user, "");
  EXPECT_TRUE(got.headers.empty());
}

TEST(wire_message, traceparent_wins_in_a_message_of_its_own) {
  message_properties foreign{.headers = {{"span_context", std::string("1:2:0:0")}, {"traceparent", std::string(traceparent)}}, .message_id = "m"};
  EXPECT_EQ(through(foreign).traceparent, traceparent);
}

TEST(wire_message, traces_of_dead_letters_are_not_published_again) {
  auto message = example();
  message.headers["x-death"] = "a";
  message.headers["x-first-death-queue"] = "b";
  const auto out = to_wire(message, {});
  EXPECT_EQ(header(out, "x-death"), "(none)");
  EXPECT_EQ(header(out, "x-first-death-queue"), "(none)");
}

TEST(wire_message, a_bare_message_is_json_of_the_subscription_s_type_and_version_one) {
  const auto got = through({});
  EXPECT_EQ(got.id, "");
  EXPECT_EQ(got.type, "") << "the subscription knows";
  EXPECT_EQ(got.version, 1);
  EXPECT_EQ(got.content_type, "application/json");
  EXPECT_EQ(got.exchange, "orders");
  EXPECT_EQ(got.routing_key, "order_created");
}

TEST(wire_message, the_user_of_a_foreign_message_counts_only_from_a_trusted_exchange) {
  message_properties foreign{.headers = {{"message_context", std::string(R"({"user":"mia"})")}}, .message_id = "m"};
  EXPECT_EQ(through(foreign).user, "");
  EXPECT_EQ(through(foreign, {.trusted_exchanges = {"orders"}}).user, R"({"user":"mia"})");
}

TEST(wire_message, numbers_that_are_none_keep_their_defaults) {
  auto out = to_wire(example(), {});
  for (auto& [name, value] : out.headers) {
    if (name == "mamey-version" || name == "mamey-occurred-at") value = std::string("12x");
  }
  const auto got = through(out);
  EXPECT_EQ(got.version, 1);
  EXPECT_EQ(got.occurred_at, wall_time(std::chrono::seconds(1'700'000'000)));
}

TEST(wire_message, span_contexts_are_read_as_jaeger_writes_them) {
  EXPECT_EQ(traceparent_of("b7ad6b7169203331:1:0:3"), "00-0000000000000000b7ad6b7169203331-0000000000000001-01");
  for (const auto* wrong : {"", "1:2:3", "::0:1", "1:2:0:", "g:2:0:1", "1:2:0:111", "1234567890123456789012345678901234:2:0:1", "1:12345678901234567:0:1"})
    EXPECT_EQ(traceparent_of(wrong), "") << wrong;
  EXPECT_EQ(span_context_of("00-short"), "");
}

}  // namespace
}  // namespace mamey::rabbitmq_detail
