#include <gtest/gtest.h>

#include <mamey/messaging/rabbitmq/detail/delay_queues.hpp>
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
  auto told = example();
  told.headers["message_context"] = R"({"user":{"id":"u"},"name":"ż"})";
  const auto out = to_wire(told, {.with_context = true});
  EXPECT_EQ(out.message_id, "0191d7d1c0a07000a000000000000001");
  EXPECT_EQ(out.correlation_id, "c");
  EXPECT_EQ(out.timestamp, 1'700'000'000U) << "whole seconds";
  EXPECT_EQ(header(out, "message_context"), R"({"user":{"id":"u"},"name":"\u017C"})") << "in ASCII, as they write it";
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
  EXPECT_EQ(header(to_wire(message, {.with_context = true}), "message_context"), "{}");
  message.headers["message_context"] = R"({"a":1})";
  const auto named = to_wire(message, {.with_context = true, .context_header = "ctx"});
  EXPECT_EQ(header(named, "ctx"), R"({"a":1})");
  EXPECT_EQ(header(named, "message_context"), "(none)");
  EXPECT_EQ(through(named, {.context_header = "ctx"}).headers.at("message_context"), R"({"a":1})");
  EXPECT_EQ(header(to_wire(message, {}), "message_context"), "(none)") << "whatever was passed";
  message.headers = {{"ctx", R"({"b":2})"}};
  EXPECT_EQ(header(to_wire(message, {.with_context = true, .context_header = "ctx"}), "ctx"), R"({"b":2})");
}

TEST(wire_message, headers_that_copied_another_message_s_count_for_nothing) {
  auto out = to_wire(example(), {});
  out.message_id = "another";  // as a .NET service publishes: its own id, the headers of what it handled
  find_field(out.headers, "span_context");
  for (auto& [name, value] : out.headers) {
    if (name == "span_context") value = std::string("1:2:0:1");
  }
  const auto got = through(out);
  EXPECT_TRUE(got.id.starts_with("orders/another/")) << got.id;
  EXPECT_EQ(got.version, 1);
  EXPECT_EQ(got.key, "");
  EXPECT_EQ(got.tenant, "");
  EXPECT_EQ(got.user, "");
  EXPECT_EQ(got.traceparent, "00-00000000000000000000000000000001-0000000000000002-01") << "span_context wins";
  EXPECT_EQ(got.headers, (std::map<std::string, std::string>{{"Saga", "pending"}}));
}

TEST(wire_message, a_tracestate_belongs_to_its_traceparent) {
  auto message = example();
  message.headers["tracestate"] = "rojo=1";
  auto out = to_wire(message, {});
  EXPECT_EQ(header(out, "tracestate"), "rojo=1");
  EXPECT_EQ(through(out).headers.at("tracestate"), "rojo=1");
  out.message_id = "another";
  EXPECT_FALSE(through(out).headers.contains("tracestate")) << "copied, as the traceparent was";
  message_properties foreign{.headers = {{"span_context", std::string("1:2:0:1")}, {"tracestate", std::string("rojo=1")}},
                             .message_id = "m"};
  EXPECT_FALSE(through(foreign).headers.contains("tracestate")) << "of a trace that came in another form";
  foreign.headers = {{"traceparent", std::string(traceparent)}, {"tracestate", std::string("rojo=1")}};
  EXPECT_EQ(through(foreign).headers.at("tracestate"), "rojo=1");
}

// A store that cannot keep an attribute would refuse the message for ever, its way into the error store included.
TEST(wire_message, attributes_that_are_no_text_become_text_and_an_id_stays_its_own) {
  using namespace std::string_literals;
  auto out = to_wire(example(), {});
  const auto bad = "a\0b\xff\xc3"s;
  out.message_id = bad;
  out.correlation_id = out.type = out.app_id = out.content_type = bad;
  for (auto& [name, value] : out.headers) {
    if (name == "mamey-key" || name == "mamey-tenant" || name == "mamey-id" || name == "traceparent") value = bad;
  }
  out.headers.emplace_back("binary", bad);
  const auto got = from_wire(message_properties(out), "{}", "orders", bad, {});
  for (const auto& each :
       {got.correlation_id, got.type, got.source, got.content_type, got.key, got.tenant, got.traceparent, got.routing_key})
    EXPECT_EQ(each, "a?b??");
  EXPECT_EQ(got.headers.at("binary"), bad);

  EXPECT_EQ(got.id.size(), 32U);
  EXPECT_EQ(through(out).id, got.id) << "it is told as a duplicate when it comes again";
  out.message_id = "a\0b\xfe\xc3"s;
  EXPECT_NE(through(out).id, got.id);
  out.message_id = out.app_id = "Bestätigung";
  EXPECT_TRUE(through(out).id.starts_with("Bestätigung/Bestätigung/"));
}

TEST(wire_message, times_out_of_this_world_are_brought_back) {
  auto out = to_wire(example(), {});
  for (auto& [name, value] : out.headers) {
    if (name == "mamey-occurred-at") value = std::string("-9223372036854775807");
  }
  out.headers.emplace_back("mamey-expires-at", std::string("9223372036854775807"));
  const auto got = through(out);
  EXPECT_EQ(got.occurred_at, wall_time{});
  EXPECT_EQ(got.expires_at, parse_timestamp("9999-12-31T23:59:59.9999999Z"));
}

TEST(wire_message, without_the_header_that_names_it_our_headers_are_not_believed) {
  message_properties foreign{.headers = {{"mamey-user", std::string("root")}, {"mamey-kind", std::string("command")}}, .message_id = "m"};
  const auto got = through(foreign);
  EXPECT_EQ(got.user, "");
  EXPECT_TRUE(got.headers.empty());
}

TEST(wire_message, traceparent_wins_in_a_message_of_its_own) {
  message_properties foreign{.headers = {{"span_context", std::string("1:2:0:0")}, {"traceparent", std::string(traceparent)}},
                             .message_id = "m"};
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

TEST(wire_message, an_id_that_is_no_uuid_is_joined_with_where_it_comes_from) {
  const auto id_of = [](std::string id, std::string source, std::string body, std::string exchange = "orders") {
    return from_wire({.headers = {}, .message_id = std::move(id), .app_id = std::move(source)}, std::move(body), exchange, "k", {}).id;
  };
  for (const auto* uuid : {"0191d7d1c0a07000a000000000000001", "0191D7D1-C0A0-7000-A000-000000000001"})
    EXPECT_EQ(id_of(uuid, "shop", "{}"), uuid);
  const auto one = id_of("7", "shop", "{}");
  EXPECT_TRUE(one.starts_with("shop/7/")) << one;
  EXPECT_EQ(id_of("7", "shop", "{}"), one) << "the same message again";
  EXPECT_NE(id_of("7", "bank", "{}"), one);
  EXPECT_NE(id_of("7", "shop", "{ }"), one);
  EXPECT_NE(id_of("7", "", "{}", "a"), id_of("7", "", "{}", "b"));
  EXPECT_EQ(id_of(one, "shop", "{}"), one) << "one that waited at the broker is as it was";
  EXPECT_EQ(id_of("", "shop", "{}"), "");
  EXPECT_EQ(id_of(std::string(255, 'x'), "shop", "{}").size(), 32U);
  EXPECT_EQ(through({.headers = {}, .message_id = "7"}).correlation_id, "7")
      << "what it led to is found by the id that its publisher knows";
}

TEST(wire_message, a_type_with_a_slash_is_a_content_type) {
  const auto got = through({.headers = {}, .type = "application/json; charset=utf-8"});
  EXPECT_EQ(got.type, "");
  EXPECT_EQ(got.content_type, "application/json; charset=utf-8");
}

TEST(wire_message, a_context_is_taken_as_json_without_white_space_and_nothing_else) {
  const auto context = [](field_value value) {
    const auto got = through({.headers = {{"message_context", std::move(value)}}, .message_id = "m"});
    const auto found = got.headers.find("message_context");
    return found == got.headers.end() ? std::string("(none)") : found->second;
  };
  EXPECT_EQ(context(std::string(" { \"user\" : { \"Role\" : \"\\u017C a\" } }\n")), R"({"user":{"Role":"\u017C a"}})");
  EXPECT_EQ(context(std::string("[1, 2]")), "[1,2]");
  for (const auto* nothing : {"", "not json", "{", "null", "{}", " { } ", "5"})
    EXPECT_EQ(context(std::string(nothing)), "(none)") << nothing;
  EXPECT_EQ(context(std::int64_t{5}), "(none)");
  EXPECT_EQ(context(true), "(none)");
}

TEST(wire_message, a_span_context_is_four_parts_that_jaeger_reads_or_is_not_there) {
  auto message = example();
  for (const auto* wrong : {"00-short", "00-00000000000000000000000000000000-b7ad6b7169203331-01", "nonsense",
                            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}) {
    message.traceparent = wrong;
    EXPECT_EQ(header(to_wire(message, {}), "span_context"), "(none)") << wrong;
  }
  message.traceparent = "01-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01-more";
  EXPECT_TRUE(header(to_wire(message, {}), "span_context") == "(none)" ||
              !traceparent_of(header(to_wire(message, {}), "span_context")).empty());
  message.traceparent.clear();
  message.headers["span_context"] = "8c1c:1a2b:0:1";
  EXPECT_EQ(header(to_wire(message, {}), "span_context"), "8c1c:1a2b:0:1") << "of a row that was taken over";
  for (const auto* wrong : {"8c1c:1a2b:0:1:5", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", ""}) {
    message.headers["span_context"] = wrong;
    EXPECT_EQ(header(to_wire(message, {}), "span_context"), "(none)") << wrong;
  }
}

wire_format signing(const std::string& id, std::map<std::string, std::string> secrets) {
  return {.signatures = std::make_shared<const user_signatures>(id, std::move(secrets))};
}
const std::string old_secret(32, 'o'), new_secret(32, 'n');

TEST(wire_message, a_user_of_ours_counts_when_it_is_signed_also_by_a_key_that_signs_no_more) {
  const auto sent = to_wire(example(), signing("old", {{"old", old_secret}}));
  EXPECT_EQ(through(sent, signing("new", {{"new", new_secret}, {"old", old_secret}})).user, R"({"id":"u"})");
  EXPECT_EQ(through(sent, signing("new", {{"new", new_secret}})).user, "") << "a key that is not known";
  EXPECT_EQ(through(sent, signing("old", {{"old", new_secret}})).user, "") << "another key of that name";
  EXPECT_EQ(through(sent).user, "") << "no keys";
  EXPECT_EQ(through(sent, {.trusted_exchanges = {"orders"}}).user, R"({"id":"u"})") << "its exchange is believed";
}

TEST(wire_message, a_signature_is_of_one_message_type_tenant_and_user) {
  const auto format = signing("k", {{"k", old_secret}});
  const auto sent = to_wire(example(), format);
  const auto put = [](message_properties& into, std::string_view name, const std::string& value) {
    for (auto& [header, held] : into.headers) {
      if (header == name) held = value;
    }
  };
  auto other = sent;
  other.message_id = "another";
  put(other, "mamey-id", "another");
  auto type = sent;
  type.type = "OrderDeleted";
  auto tenant = sent;
  put(tenant, "mamey-tenant", "t2");
  auto user = sent;
  put(user, "mamey-user", R"({"id":"root"})");
  auto none = sent;
  put(none, "mamey-signature", "");
  auto cut = sent;
  put(cut, "mamey-signature", "k:00");
  for (const auto& forged : {other, type, tenant, user, none, cut}) EXPECT_EQ(through(forged, format).user, "");
  EXPECT_NE(through(sent, format).user, "");
}

TEST(wire_message, one_that_waited_at_the_broker_is_as_it_was_published) {
  const auto sent = to_wire(as_waiting(through(to_wire(example(), {})), "q.delay-1000", 3), {});
  auto got = from_wire(message_properties(sent), "{}", "", "q", {});
  EXPECT_EQ(take_starts(got), 3);
  EXPECT_EQ(got.exchange, "orders");
  EXPECT_EQ(got.routing_key, "order_created");
  EXPECT_EQ(got.headers, example().headers);
  auto copied = from_wire(message_properties(sent), "{}", "orders", "order_created", {});
  EXPECT_EQ(take_starts(copied), 0) << "not from a delay queue: somebody's copies";
  EXPECT_EQ(copied.headers, example().headers);
}

TEST(wire_message, a_claimed_origin_makes_nobody_trusted_where_users_are_signed) {
  auto format = signing("k", {{"k", old_secret}});
  auto forged = example();
  forged.exchange = "orders";
  const auto claims = to_wire(as_waiting(forged, "q.delay-1000", 1), {});
  format.trusted_exchanges = {"orders"};
  EXPECT_EQ(from_wire(message_properties(claims), "{}", "", "q", format).user, "");
}

TEST(delay_queues, take_the_longest_wait_that_is_not_too_long) {
  using namespace std::chrono_literals;
  const std::vector<std::chrono::milliseconds> waits{1s, 5s, 30s};
  EXPECT_EQ(fixed_wait(waits, 5s), 5s);
  EXPECT_EQ(fixed_wait(waits, 5900ms), 5s) << "with its jitter";
  EXPECT_EQ(fixed_wait(waits, 100ms), 1s);
  EXPECT_EQ(fixed_wait(waits, 1h), 30s);
  EXPECT_EQ(fixed_wait(waits, 0s), std::nullopt);
  EXPECT_EQ(fixed_wait({}, 5s), std::nullopt);
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
  for (const auto* wrong :
       {"", "1:2:3", "::0:1", "1:2:0:", "g:2:0:1", "1:2:0:111", "1234567890123456789012345678901234:2:0:1", "1:12345678901234567:0:1"})
    EXPECT_EQ(traceparent_of(wrong), "") << wrong;
  EXPECT_EQ(span_context_of("00-short"), "");
}

}  // namespace
}  // namespace mamey::rabbitmq_detail
