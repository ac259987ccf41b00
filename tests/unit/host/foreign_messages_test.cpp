// Messages of other libraries and of .NET services, byte for byte, through our reading of the wire to a handler of a whole application.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <mamey/application.hpp>
#include <mamey/core/json.hpp>
#include <mamey/cqrs/pipeline.hpp>
#include <mamey/messaging/error_operations.hpp>
#include <mamey/messaging/rabbitmq/detail/wire_message.hpp>
#include <mamey/messaging/shared_queue.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <vectors.hpp>

#include "../observability/log_capture.hpp"
#include "foreign_messages.hpp"

namespace {

using namespace mamey;
using namespace mamey_test;
using mamey::rabbitmq_detail::find_field;
using mamey::rabbitmq_detail::message_properties;
using mamey::rabbitmq_detail::to_wire;
using mamey::rabbitmq_detail::wire_format;

struct OrderCreated {
  static constexpr message_options message{.exchange = "orders"};
  uuid order_id, customer_id;
  decimal total_amount;
};
struct DeliveryStarted {
  static constexpr message_options message{.exchange = "deliveries"};
  uuid delivery_id, order_id;
};
struct Empty {
  static constexpr message_options message{.exchange = "wire"};
};

/// What the handlers saw, oldest first.
struct seen_message {
  std::string body, correlation_id, context, key;
  std::shared_ptr<const principal> user;
};
std::vector<seen_message> seen;

std::string text_of(const uuid& id) {
  auto json = json::to_string(id);
  return json.substr(1, json.size() - 2);
}

void note(std::string body) {
  const auto& around = current_context();
  seen.push_back({std::move(body), around.correlation_id, around.correlation_context, {}, around.user});
}
void on_order_created(const OrderCreated& event, publisher& messages) {
  note(text_of(event.order_id));
  messages.publish(DeliveryStarted{uuid::v7(), event.order_id});
}
void on_probe(const Probe& event) { note(json::to_string(event)); }
void on_empty(const Empty&) { note("empty"); }

struct FirstTwin {
  static constexpr message_options message{.exchange = "twins", .routing_key = "twin"};
  int number = 0;
};
struct SecondTwin {
  static constexpr message_options message{.exchange = "twins", .routing_key = "twin"};
  int number = 0;
};
void on_first_twin(const FirstTwin&) {}
void on_second_twin(const SecondTwin&) {}

/// How one message ended.
struct ending {
  std::optional<seen_message> handled;
  std::string refusal;  ///< code and reason of the error store
};

/// The service `deliveries` in simulated time, on a store in memory.
class listening : public ::testing::Test {
 protected:
  listening() { seen.clear(); }

  void run(const std::function<void()>& work,
           std::string_view settings = R"({"rabbitMq": {"conventionsCasing": "snakeCase", "context": {"enabled": true}}})") {
    simulated_runtime time;
    auto definition =
        application("deliveries").add(messaging()).add(module("deliveries").events<on_order_created, on_probe, on_empty>()).release();
    keep_in_memory(*definition, {}, records_);
    run_over(through, std::move(definition), settings, time, [&](running_application&) { work(); });
  }

  ending deliver(const std::string& queue, envelope message) {
    const auto before = seen.size();
    const auto settled = through.acknowledged + through.given_back;
    const auto failed = error_operations(*records_).list(0, 1).total;
    through.deliver(queue, std::move(message));
    for (int i = 0; i < 1000 && through.acknowledged + through.given_back == settled; ++i) sleep_for(std::chrono::milliseconds(10));
    ending how;
    if (seen.size() > before) how.handled = seen.back();
    const auto records = error_operations(*records_).list(0, 1);
    if (records.total > failed) how.refusal = records.records.front().error_code + ": " + records.records.front().error_reason;
    return how;
  }

  sqlite_store& records() const { return *records_; }

  fed_transport through;

 private:
  sqlite_store* records_ = nullptr;
};

TEST_F(listening, a_message_of_another_library_is_read_right_or_refused_by_name_and_never_handled_empty) {
  run([&] {
    mamey::testing::vectors recorded{"envelopes", "natural-messages.json"};
    for (const auto each : recorded.cases()) {
      const auto name = text_in(each, "case");
      const auto input = each["input"].value();
      const auto how = deliver("deliveries/orders.order_created",
                               rabbitmq_detail::from_wire(properties_of(input["properties"]), bytes_of(input), text_in(input, "exchange"),
                                                          text_in(input, "routing_key"), {}));
      std::string wanted = "refused";
      if (std::string_view id; !each["wanted"]["orderId"].get(id)) wanted = id;
      const auto here = how.handled ? how.handled->body : how.refusal.empty() ? std::string("nothing") : std::string("refused");
      recorded.judge(name, wanted == here, wanted, here + " " + how.refusal);
      if (name != "empty_object") {
        EXPECT_NE(here, text_of(uuid())) << name;
      }
      if (here == "refused") {
        EXPECT_EQ(how.refusal.find("validation_failed"), std::string::npos)
            << name << " is refused without its form being named: " << how.refusal;
      }
    }
  });
}

TEST_F(listening, what_is_poison_to_a_dotnet_service_is_poison_here) {
  run([&] {
    mamey::testing::vectors recorded{"rabbitmq", "poison.json"};
    int number = 0;
    for (const auto each : recorded.document()["cases"].get_array()) {
      const auto name = text_in(each, "name");
      auto properties = message_properties{.headers = {{"message_context", std::string(R"({"user":{"id":"u1"}})")}}, .message_id = {}};
      if (simdjson::dom::element given; !each["properties"].get(given)) {
        auto said = properties_of(given);
        if (simdjson::dom::element headers; given["headers"].get(headers)) said.headers = properties.headers;
        properties = std::move(said);
      }
      properties.message_id = "000000000000000000000000" + std::to_string(10'000'000 + number++);
      simdjson::dom::element saw;
      const bool handled_there = !each["handler_saw"].get(saw) && saw.is_object();
      std::string there = "refused";
      if (handled_there) {
        properties.correlation_id = text_in(saw, "correlationId");
        const auto body = saw["body"].value();
        auto context = simdjson::minify(saw["context"].value());
        if (context == "null") context.clear();
        there = text_in(body, "What") + "|" + simdjson::minify(body["Number"].value()) + "|" + text_in(body, "Id") + "|" +
                simdjson::minify(body["Colour"].value()) + "|" + text_in(saw, "correlationId") + "|" + context;
      }
      const auto how =
          deliver("deliveries/wire.probe", rabbitmq_detail::from_wire(std::move(properties), bytes_of(each), "wire", "probe", {}));
      std::string here = how.refusal.empty() ? "nothing" : "refused";
      if (how.handled) {
        const auto got = json::parse<Probe>(how.handled->body);
        here = got.what + "|" + std::to_string(got.number) + "|" + text_of(got.id) + "|" + std::to_string(static_cast<int>(got.colour)) +
               "|" + how.handled->correlation_id + "|" + how.handled->context;
      }
      recorded.judge(name, there == here, there, here + " " + how.refusal);
    }
  });
}

TEST_F(listening, a_conversation_with_dotnet_services_keeps_their_context_word_for_word) {
  run([&] {
    mamey::testing::vectors recorded{"rabbitmq", "conversation.json"};
    for (const auto* part : {"convey_orders_mamey_deliveries", "convey_copies_the_headers_of_what_it_handles"}) {
      for (const auto each : recorded.document()[part]["published"].get_array()) {
        if (text_in(each, "routing_key") != "order_created") continue;
        const auto properties = properties_of(each["properties"]);
        const auto* const sent = find_field(properties.headers, "message_context");
        through.published.clear();
        const auto how = deliver("deliveries/orders.order_created",
                                 rabbitmq_detail::from_wire(message_properties(properties), bytes_of(each), "orders", "order_created", {}));
        ASSERT_TRUE(how.handled) << how.refusal;
        EXPECT_EQ(how.handled->correlation_id, properties.correlation_id);
        for (int i = 0; i < 1000 && through.published.empty(); ++i) sleep_for(std::chrono::milliseconds(10));
        ASSERT_EQ(through.published.size(), 1U);
        const auto out = to_wire(through.published[0], {.with_context = true});
        EXPECT_EQ(std::get<std::string>(*find_field(out.headers, "message_context")), std::get<std::string>(*sent));
        EXPECT_EQ(out.correlation_id, properties.correlation_id);
        EXPECT_EQ(find_field(out.headers, "mamey-user"), nullptr) << "nobody has vouched for the user of an unsigned context";
        const auto span = std::get<std::string>(*find_field(out.headers, "span_context"));
        EXPECT_EQ(std::ranges::count(span, ':'), 3) << span;
        if (const auto* theirs = find_field(properties.headers, "span_context")) {
          const auto trace = std::get<std::string>(*theirs);
          EXPECT_NE(span.find(trace.substr(0, trace.find(':'))), std::string::npos) << span << " continues " << trace;
        } else {
          EXPECT_TRUE(span.ends_with(":1")) << "what begins here is sampled: " << span;
        }
      }
    }
    EXPECT_EQ(seen.size(), 6U) << "copied headers make no message a duplicate of another";
  });
}

// What else publish.json tells (exchange, key, properties) is compared by the tests of the transport.
TEST(context_on_the_wire, goes_on_as_convey_has_written_it_and_only_where_contexts_are_enabled) {
  simdjson::dom::parser parser;
  int with = 0, without = 0;
  for (const auto section : parser.load(MAMEY_VECTORS "/rabbitmq/publish.json").get_array()) {
    wire_format format;
    if (simdjson::dom::element options; !section["rabbitMq"]["context"].get(options)) {
      if (bool enabled = false; !options["enabled"].get(enabled)) format.with_context = enabled;
      if (const auto name = text_in(options, "header"); !name.empty()) format.context_header = name;
    }
    if (const auto name = text_in(section["rabbitMq"], "spanContextHeader"); !name.empty()) format.span_context_header = name;
    for (const auto each : section["cases"].get_array()) {
      if (text_in(each, "name") == "header_null_and_blank") continue;  // its headers of these names are the caller's own
      for (const auto message : each["published"].get_array()) {
        const auto sent = properties_of(message["properties"]);
        const auto out = to_wire(rabbitmq_detail::from_wire(message_properties(sent), text_in(message, "body"),
                                                            text_in(message, "exchange"), text_in(message, "routing_key"), format),
                                 format);
        const auto *const there = find_field(sent.headers, format.context_header), *const here =
                                                                                       find_field(out.headers, format.context_header);
        ASSERT_EQ(there != nullptr, format.with_context) << text_in(each, "name");
        ASSERT_EQ(here != nullptr, format.with_context) << text_in(each, "name");
        ++(there ? with : without);
        if (there) {
          EXPECT_EQ(*here, *there) << text_in(each, "name");
        }
        if (const auto* span = find_field(sent.headers, format.span_context_header)) {
          const auto* const ours = find_field(out.headers, format.span_context_header);
          const auto trace = rabbitmq_detail::traceparent_of(std::get<std::string>(*span));
          EXPECT_EQ(ours != nullptr, !trace.empty()) << "what nobody can read goes no further";
          if (ours) {
            EXPECT_EQ(rabbitmq_detail::traceparent_of(std::get<std::string>(*ours)), trace);
          }
        }
      }
    }
  }
  EXPECT_GT(with, 20);
  EXPECT_GT(without, 0);
}

TEST_F(listening, a_body_is_of_its_type_or_the_reason_says_what_it_is) {
  run([&] {
    const auto refusal = [&](std::string body, const std::string& queue = "deliveries/wire.probe") {
      return deliver(
                 queue,
                 {.id = uuid::v7().to_compact_string(), .type = {}, .body = std::move(body), .exchange = "wire", .routing_key = "probe"})
          .refusal;
    };
    EXPECT_EQ(refusal(R"( { "orderId" : 1, "what ever" : 2 } )"),
              "foreign_form: the message has none of the members of Probe (what, number, id, colour), but orderId, what ever");
    EXPECT_NE(refusal(R"({"id":"0f8fad5b-d9cb-469f-a165-70867728950e","specversion":"1.0","type":"x","source":"/","data":{}})")
                  .find("structured CloudEvent"),
              std::string::npos)
        << "although the type has an id as well";
    EXPECT_NE(refusal(" null ").find("null"), std::string::npos);
    EXPECT_EQ(refusal("{}"), "");
    EXPECT_EQ(refusal(R"({"WHAT":"x"})"), "");
    EXPECT_EQ(refusal(R"({"unknown":1,"what":"x"})"), "");
    EXPECT_EQ(refusal(R"({"what":"it says \"specversion\" and \"messageType\""})"), "");
    EXPECT_EQ(refusal(R"({"anything":1})", "deliveries/wire.empty"), "") << "a type without members takes any object";
  });
}

constexpr auto one_queue = R"({"rabbitMq": {"conventionsCasing": "snakeCase", "queue": {"template": "{0}"}}})";

TEST_F(listening, types_that_share_a_queue_are_told_apart_by_type_or_routing_key) {
  const log_capture lines;
  run(
      [&] {
        const auto number = uuid::v7();
        const auto as = [&](std::string type, std::string exchange, std::string key) {
          const auto body =
              type.find("robe") != type.npos || key == "probe" ? R"({"what":"a probe"})" : R"({"orderId":")" + text_of(number) + "\"}";
          const auto how = deliver("{0}", {.id = uuid::v7().to_compact_string(),
                                           .type = std::move(type),
                                           .body = body,
                                           .exchange = std::move(exchange),
                                           .routing_key = std::move(key)});
          return how.handled ? how.handled->body : how.refusal;
        };
        EXPECT_EQ(as("", "orders", "order_created"), text_of(number)) << "as .NET services publish it";
        EXPECT_NE(as("", "wire", "probe").find("a probe"), std::string::npos);
        EXPECT_NE(as("Probe", "", "{0}").find("a probe"), std::string::npos) << "sent to the queue directly";
        EXPECT_EQ(as("My.Shop.OrderCreated, My.Shop", "elsewhere", "x"), text_of(number));
        EXPECT_EQ(as("", "", "{0}"),
                  "unknown_type: a message without a type came to a queue of several types (OrderCreated, Probe, Empty): expected one of "
                  "them as its type, or the exchange and routing key of one");
        EXPECT_EQ(as("Elsewhere", "wire", "nothing").substr(0, 13), "unknown_type:");
      },
      one_queue);
  EXPECT_EQ(std::ranges::count_if(
                lines.records(),
                [](const auto& each) { return each.message.find("stay in the names of queues as they are") != std::string::npos; }),
            1);
}

TEST_F(listening, a_message_that_is_of_no_type_of_its_queue_stays_refused_when_it_is_tried_again) {
  const log_capture lines;
  run(
      [&] {
        const auto refused = deliver("{0}", {.id = uuid::v7().to_compact_string(),
                                             .type = {},
                                             .body = R"({"what":"it could pass for a Probe"})",
                                             .exchange = "elsewhere",
                                             .routing_key = "x"});
        EXPECT_TRUE(refused.refusal.starts_with("unknown_type: ")) << refused.refusal;
        error_operations failed(records());
        const auto before = failed.list(0, 10);
        ASSERT_EQ(before.total, 1);
        failed.retry(before.records[0].id);
        for (int i = 0; i < 1000 && (failed.list(0, 1).total == 0 && seen.empty()); ++i) sleep_for(std::chrono::milliseconds(10));
        const auto after = failed.list(0, 10);
        ASSERT_EQ(after.total, 1) << "the one that got it has handled it as its own";
        EXPECT_NE(after.records[0].id, before.records[0].id);
        EXPECT_EQ(after.records[0].error_code, "unknown_type");
        EXPECT_TRUE(seen.empty());
      },
      one_queue);
  EXPECT_EQ(std::ranges::count_if(lines.records(),
                                  [](const auto& each) {
                                    return each.level == log_level::error && each.message.starts_with("A message ") &&
                                           each.message.find("unknown_type") != std::string::npos;
                                  }),
            2)
      << "its line does not call it by a type that it is not";
}

TEST_F(listening, types_on_one_queue_that_nothing_tells_apart_refuse_the_start) {
  try {
    run([] {},
        R"({"rabbitMq": {"exchange": {"name": "all"}, "queue": {"template": "q"}, "conventions": {"messageAttribute": {"ignoreExchange": true}}}})");
  } catch (const configuration_error& refused) {
    FAIL() << "their routing keys differ: " << refused.what();
  }
  simulated_runtime time;
  application_surroundings around{.system_loop = &time.loop(), .workers = {&time.loop()}};
  around.configuration.add_json(R"({"rabbitMq": {"queue": {"template": "{{exchange}}"}}})", "the test");
  time.run([&] {
    running_application twins(application("twins").add(messaging()).add(module("twins").events<on_first_twin, on_second_twin>()).release(),
                              std::move(around));
    try {
      twins.prepare();
      ADD_FAILURE() << "started";
    } catch (const configuration_error& refused) {
      EXPECT_NE(refused.reason().find("the test:1: rabbitMq:queue:template: FirstTwin and SecondTwin have the queue twins in common (by "
                                      "rabbitMq:queue:template \"{{exchange}}\"), and exchange twins with routing key twin as well"),
                std::string::npos)
          << refused.reason();
    }
  });
  std::vector<subscription> both(2);
  for (auto& each : both) each.exchange = "orders";
  both[0].routing_key = "order.*";
  for (const auto* meets : {"order.created", "order.#", "#"}) {
    both[1].routing_key = meets;
    EXPECT_TRUE(are_confusable(both[0], both[1])) << meets;
  }
  for (const auto* differs : {"order", "order.created.now", "orders.created"}) {
    both[1].routing_key = differs;
    EXPECT_FALSE(are_confusable(both[0], both[1])) << differs;
  }
}

TEST_F(listening, a_body_packed_with_gzip_is_bounded_and_a_damaged_one_named) {
  using namespace std::string_literals;
  run([&] {
    const auto with = [&](std::string body) {
      return deliver("deliveries/wire.probe",
                     rabbitmq_detail::from_wire({.content_encoding = "gzip", .headers = {}, .message_id = uuid::v7().to_compact_string()},
                                                std::move(body), "wire", "probe", {}));
    };
    EXPECT_TRUE(with(R"({"what":"not packed at all"})").handled) << "as .NET services take it";
    EXPECT_EQ(with("<neither/>").refusal, "unreadable_encoding: the body says that it is packed with gzip, and is not");
    EXPECT_EQ(with("\x1f\x8b\x08\x00garbage"s).refusal, "unreadable_encoding: the body is packed with gzip and damaged");
  });
}

TEST_F(listening, a_user_is_believed_by_trust_or_signature_and_travels_whole) {
  run([&] {
    const auto context = [](std::string text) {
      return message_properties{.headers = {{"message_context", std::move(text)}}, .message_id = uuid::v7().to_compact_string()};
    };
    const auto from = [&](std::string text, const wire_format& format) {
      return deliver("deliveries/wire.probe", rabbitmq_detail::from_wire(context(std::move(text)), "{}", "wire", "probe", format))
          .handled.value();
    };
    const wire_format believed{.trusted_exchanges = {"wire"}};
    for (
        const auto* theirs :
        {R"({"correlationId":"c","user":{"id":"u1","isAuthenticated":true,"role":"admin","claims":{"permissions":["a","b"],"name":"\u017c"}},"name":"create_order"})",
         R"({"CorrelationId":"c","User":{"Id":"u1","IsAuthenticated":true,"Role":"admin","Claims":{"permissions":["a","b"],"name":"\u017c"}},"ResourceId":""})"}) {
      const auto got = from(theirs, believed);
      ASSERT_TRUE(got.user) << theirs;
      EXPECT_EQ(got.user->id, "u1");
      EXPECT_EQ(got.user->roles, std::vector<std::string>{"admin"});
      EXPECT_EQ(got.user->claims, (std::multimap<std::string, std::string>{{"permissions", "a"}, {"permissions", "b"}, {"name", "ż"}}));
      EXPECT_EQ(got.context, theirs);
      EXPECT_FALSE(from(theirs, {}).user);
    }
    EXPECT_FALSE(from(R"({"user":{"id":"u1","isAuthenticated":false}})", believed).user);
    EXPECT_FALSE(from(R"({"user":{"id":"u1"}})", believed).user) << "as .NET reads it: not signed in";
    EXPECT_FALSE(from(R"({"user":null})", believed).user);
    EXPECT_FALSE(from("not json", believed).user);
  });
}

TEST_F(listening, what_only_passes_through_is_carried_and_not_signed_and_who_is_believed_is_told_in_their_shape) {
  const wire_format format{.with_context = true,
                           .signatures = std::make_shared<const rabbitmq_detail::user_signatures>(
                               "k", std::map<std::string, std::string>{{"k", std::string(32, 'x')}})};
  const auto header = [](const message_properties& of, std::string_view name) {
    const auto* const found = find_field(of.headers, name);
    return found ? std::get<std::string>(*found) : std::string("(none)");
  };
  const auto published = [](ambient_context around, bool enabled = true) {
    const context_scope scope(std::move(around));
    return make_envelope(record(DeliveryStarted{}),
                         {.service = "deliveries",
                          .names = {.assembly = "deliveries", .exchange = "deliveries", .casing = name_casing::snake_case},
                          .with_context = enabled});
  };
  const std::string theirs = R"({"user":{"id":"u1","isAuthenticated":true}})";
  const auto carried = to_wire(published({.correlation_context = theirs}), format);
  EXPECT_EQ(header(carried, "message_context"), theirs);
  EXPECT_EQ(header(carried, "mamey-user"), "(none)");
  EXPECT_EQ(header(carried, "mamey-signature"), "(none)");
  EXPECT_EQ(
      rabbitmq_detail::from_wire(message_properties(carried), "{}", "deliveries", "delivery_started", {.trusted_exchanges = {"deliveries"}})
          .user,
      "")
      << "that we passed it on makes nobody believed, whoever trusts our exchange";

  const auto ann = std::make_shared<const principal>(
      principal{.id = "ann", .roles = {"clerk", "admin"}, .claims = {{"permissions", "a"}, {"permissions", "b"}, {"name", "ż"}}});
  const auto made = to_wire(published({.correlation_id = "c", .user = ann, .correlation_context = theirs}), format);
  const auto text = header(made, "message_context");
  EXPECT_TRUE(text.starts_with(
      R"({"correlationId":"c","spanContext":"","user":{"id":"ann","isAuthenticated":true,"role":"clerk","claims":{"name":"\u017C","permissions":"a,b"}},"resourceId":null,"traceId":"","connectionId":null,"name":"delivery_started","createdAt":")"))
      << text << ": the context said somebody else";
  const auto back = user_of(rabbitmq_detail::from_wire(message_properties(made), "{}", "deliveries", "delivery_started", format));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->roles, ann->roles);
  EXPECT_EQ(back->claims, ann->claims);

  const auto bob = R"({"user":{"id":"ann","isAuthenticated":true},"name":"it is her own"})";
  EXPECT_EQ(header(to_wire(published({.user = ann, .correlation_context = bob}), format), "message_context"), bob);
  const auto without = to_wire(published({.user = ann, .correlation_context = theirs}, false), {});
  EXPECT_EQ(header(without, "message_context"), "(none)");
  EXPECT_NE(header(without, "mamey-user"), "(none)");
  EXPECT_EQ(header(to_wire(published({}), format), "message_context"), "{}");
}

TEST_F(listening, headers_that_are_named_go_from_a_message_to_those_it_leads_to) {
  const std::vector<std::string> sent{"Saga", "saga", "other"};
  run(
      [&] {
        message_properties properties{.headers = {}, .message_id = uuid::v7().to_compact_string()};
        for (const auto& each : sent) properties.headers.emplace_back(each, each + " of theirs");
        deliver("deliveries/orders.order_created",
                rabbitmq_detail::from_wire(std::move(properties), R"({"orderId":"0f8fad5b-d9cb-469f-a165-70867728950e"})", "orders",
                                           "order_created", {}));
        for (int i = 0; i < 1000 && through.published.empty(); ++i) sleep_for(std::chrono::milliseconds(10));
        ASSERT_EQ(through.published.size(), 1U);
        EXPECT_EQ(through.published[0].headers.at("Saga"), "Saga of theirs");
        EXPECT_FALSE(through.published[0].headers.contains("saga"));
        EXPECT_FALSE(through.published[0].headers.contains("other"));
      },
      R"({"messaging": {"forwardHeaders": ["Saga"]}})");
}

}  // namespace
