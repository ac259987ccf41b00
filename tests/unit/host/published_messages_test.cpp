// What a service with the recorded sections puts on the wire, beside what Convey has put there.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <mamey/application.hpp>
#include <mamey/core/json.hpp>
#include <mamey/cqrs/pipeline.hpp>
#include <mamey/messaging/message_headers.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <vectors.hpp>

#include "foreign_messages.hpp"

namespace {

using namespace mamey;
using namespace mamey_test;
using rabbitmq_detail::find_field;
using rabbitmq_detail::message_properties;
using rabbitmq_detail::wire_format;

// The messages of the recorded program.
struct OrderCreated {
  static constexpr message_options message{.exchange = "orders"};
  uuid order_id, customer_id;
  decimal total_amount;
};
struct OrderCancelled {
  static constexpr message_options message{.exchange = "orders"};
  uuid order_id;
};
struct CreateOrder {
  static constexpr message_options message{};
  uuid order_id;
  std::optional<std::string> customer_name;
};
struct ApproveOrder {
  static constexpr message_options message{.exchange = "wire"};
  uuid order_id;
};
struct FullyNamed {
  static constexpr message_options message{.exchange = "Wire.Exchange", .routing_key = "Custom.RoutingKey", .queue = "Custom.Queue"};
  int a = 0;
};
struct EmptyHappened {
  static constexpr message_options message{};
};
struct HTTPRequestDone {
  static constexpr message_options message{};
  int code = 0;
};
struct Order2Created {
  static constexpr message_options message{};
  int a = 0;
};
struct Outer {
  struct InnerHappened {
    static constexpr message_options message{};
    int a = 0;
  };
};
struct OnlyKeyed {
  static constexpr message_options message{.routing_key = "only.key"};
};
struct EnvelopeOfInt {  // Envelope<int> there, whose name .NET writes so
  static constexpr message_options message{.name = "Envelope`1"};
  int item = 0;
};
struct Line {
  std::string sku;
  int quantity = 0;
};
struct EverythingHappened {
  static constexpr message_options message{};
  uuid id;
  std::string text;
  std::optional<std::string> nothing;
  int int_ = 0;
  std::int64_t long_ = 0;
  decimal decimal_;
  double double_ = 0;
  float float_ = 0;
  bool bool_ = false;
  timestamp utc, unspecified;
  offset_timestamp offset;
  ticks span{};
  Colour colour = Colour::red;
  std::optional<Colour> no_colour;
  std::optional<int> no_int;
  std::string bytes;  // base64 of byte[]
  std::vector<Line> lines;
  std::map<std::string, int> counts;
  std::string uri;
  std::chrono::sys_days date;
  std::string time, char_;  // TimeOnly, char
  json::raw any;
};

/// Has the handler publish a message of that type, with that body.
struct Publish {
  std::string type, body;
};

}  // namespace

template <>
struct mamey::wire_names<EverythingHappened> {
  static constexpr std::pair<std::string_view, std::string_view> names[] = {
      {"int_", "int"},     {"long_", "long"}, {"decimal_", "decimal"}, {"double_", "double"},
      {"float_", "float"}, {"bool_", "bool"}, {"char_", "char"}};
};

namespace {

template <class Message>
bool publish_as(std::string_view name, const Publish& asked, publisher& messages) {
  if (asked.type != name) return false;
  messages.publish(json::parse<Message>(asked.body));
  return true;
}

void publish(const Publish& asked, publisher& messages) {
  const bool published =
      publish_as<OrderCreated>("ordercreated", asked, messages) || publish_as<OrderCancelled>("ordercancelled", asked, messages) ||
      publish_as<CreateOrder>("createorder", asked, messages) || publish_as<ApproveOrder>("approveorder", asked, messages) ||
      publish_as<FullyNamed>("fullynamed", asked, messages) || publish_as<EmptyHappened>("emptyhappened", asked, messages) ||
      publish_as<HTTPRequestDone>("httprequestdone", asked, messages) || publish_as<Order2Created>("order2created", asked, messages) ||
      publish_as<Outer::InnerHappened>("innerhappened", asked, messages) || publish_as<EnvelopeOfInt>("envelope`1", asked, messages) ||
      publish_as<EverythingHappened>("everythinghappened", asked, messages) || publish_as<OnlyKeyed>("onlykeyed", asked, messages);
  if (!published) throw domain_error("no_such_type", "there is no message type {}", asked.type);
}

/// `order_created` and `OrderCreated` alike.
std::string type_of(std::string routing_key) {
  std::erase_if(routing_key, [](char c) { return c == '_' || c == '.'; });
  std::ranges::transform(routing_key, routing_key.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return routing_key == "customroutingkey" ? "fullynamed" : routing_key;
}

wire_format format_of(simdjson::dom::element section) {
  wire_format format;
  if (simdjson::dom::element options; !section["context"].get(options)) {
    if (bool enabled = false; !options["enabled"].get(enabled)) format.with_context = enabled;
    if (const auto name = text_in(options, "header"); !name.empty()) format.context_header = name;
  }
  if (const auto name = text_in(section, "spanContextHeader"); !name.empty()) format.span_context_header = name;
  return format;
}

std::string shown(const rabbitmq_detail::field_value* value) {
  if (!value) return "none";
  if (const auto* text = std::get_if<std::string>(value)) return "S " + *text;
  return "no text";
}

std::string form_of(const std::string& id) { return uuid::parse(id) && id.size() == 32 ? "a GUID of 32 digits" : id; }

/// An application with that section, whose handler publishes what `work` has it publish.
void run(const std::string& settings, fed_transport& through, const std::function<void(pipeline&)>& work) {
  simulated_runtime time;
  auto definition = application("bus").add(messaging()).add(module("bus").commands<publish>()).release();
  run_over(through, std::move(definition), settings, time, [&](running_application& running) { work(running.handlers()); });
}

class published_beside_convey {
 public:
  void section(simdjson::dom::element section) {
    const auto name = text_in(section, "section");
    format_ = format_of(section["rabbitMq"]);
    run(R"({"app": {"assembly": "Wire.Bus"}, "rabbitMq": )" + simdjson::minify(section["rabbitMq"].value()) + "}", through_,
        [&](pipeline& handlers) {
          if (name == "attribute_without_exchange") {
            const auto made = published_of("onlykeyed", "{}", {}, handlers);
            recorded_.compare(name, "the start fails", made ? made->exchange + "/" + made->routing_key : "nothing");
          }
          for (const auto each : section["cases"].get_array()) {
            const auto called = name + " " + text_in(each, "name");
            std::size_t messages = 0;
            for (const auto message : each["published"].get_array()) {
              one(called, message, handlers);
              ++messages;
            }
            if (messages == 0) none(called, each, handlers);
          }
        });
  }

  /// What is the same of every message, once.
  void whole() {
    for (const auto& [name, both] : everywhere_) recorded_.compare("every message: " + name, both.first, both.second);
  }

  simdjson::dom::array sections() { return recorded_.cases(); }

 private:
  /// Nothing was published there: headers of types that AMQP does not know, and what an outbox dropped or kept for its next pass.
  void none(const std::string& called, simdjson::dom::element each, pipeline& handlers) {
    if (called.starts_with("outbox_ef")) return;
    if (const auto error = text_in(each, "error"); !error.empty()) {
      constexpr bool only_texts = std::is_same_v<decltype(envelope::headers), std::map<std::string, std::string>>;
      return recorded_.compare(called, error.substr(0, error.find(':')), only_texts ? "headers are texts" : "headers have types");
    }
    const auto made = published_of("ordercreated", "{}", {}, handlers);
    recorded_.compare(called, "nothing is sent", made ? "is sent" : "nothing is sent");
  }

  /// What the handler has published in that context; nothing when it was refused.
  std::optional<envelope> published_of(const std::string& type, const std::string& body, ambient_context around, pipeline& handlers) {
    through_.published.clear();
    try {
      const context_scope scope(std::move(around));
      handlers.send(Publish{type, body});
    } catch (const domain_error&) {
      return std::nullopt;
    }
    for (int i = 0; i < 1000 && through_.published.empty(); ++i) sleep_for(std::chrono::milliseconds(10));
    EXPECT_EQ(through_.published.size(), 1U) << type;
    return through_.published.empty() ? std::nullopt : std::optional(through_.published.front());
  }

  void one(const std::string& called, simdjson::dom::element there, pipeline& handlers) {
    const auto sent = properties_of(there["properties"]);
    const auto came = rabbitmq_detail::from_wire(message_properties(sent), text_in(there, "body"), text_in(there, "exchange"),
                                                 text_in(there, "routing_key"), format_);
    ambient_context around{.correlation_id = sent.correlation_id};
    for (const auto& [name, value] : came.headers) {
      if (name == context_header)
        around.correlation_context = value;
      else if (name != format_.context_header && name != format_.span_context_header)
        around.foreign_headers[name] = value;
    }
    if (const auto trace = trace_context::parse(came.traceparent)) around.trace = *trace;
    if (called.ends_with("ambient_context_alone")) around.correlation_context = R"({"user":{"id":"u1"}})";
    const auto made = published_of(type_of(text_in(there, "routing_key")), text_in(there, "body"), std::move(around), handlers);
    if (made)
      compare(called, there, sent, *made);
    else
      recorded_.compare(called, "published", "no such type");
  }

  void compare(const std::string& called, simdjson::dom::element there, const message_properties& sent, const envelope& made) {
    const auto ours = rabbitmq_detail::to_wire(made, format_);
    const auto whole = [](const std::string& exchange, const std::string& key, const message_properties& properties,
                          const std::string& body) {
      return exchange + "/" + key + " id " + form_of(properties.message_id) + " correlation " + properties.correlation_id +
             (properties.timestamp ? " at a time" : "") + ": " + body;
    };
    recorded_.compare(called,
                      whole(text_in(there, "exchange"), text_in(there, "routing_key"), with_time(sent), meaning(text_in(there, "body"))),
                      whole(made.exchange, made.routing_key, ours, meaning(made.body)));
    std::map<std::string, std::string> beside;
    for (const auto& [name, value] : ours.headers) beside[name] = shown(&value);
    for (const auto [name, header] : there["properties"]["headers"].get_object()) {
      const std::string header_name(name);
      const auto type = text_in(header, "type");
      const auto here = beside.contains(header_name) ? beside[header_name] : "none";
      const auto value = text_in(header, "value");
      if (header_name == format_.span_context_header && here != "none" && trace_of(value).empty()) {
        note_trace();  // what the caller gave is no trace
      } else if (header_name == format_.span_context_header && here != "none") {
        EXPECT_EQ(trace_of(here.substr(2)), trace_of(value)) << called;
        note("the span's ids", "as they came: `8c1c0f0f0f0f0f0f:1a2b:0:1`",
             "the trace of 32 digits, and a span of ours: `00000000000000008c1c0f0f0f0f0f0f:…:0:1`");
      } else if (type == "S" && header["value"].value().is_string()) {
        recorded_.compare(called + ", " + header_name, "S " + value, here);
      } else {
        recorded_.compare(called + ", " + header_name, "of type " + type, here);
      }
      beside.erase(header_name);
    }
    for (const auto& [name, value] : beside) {
      const bool one_of_ours = name.starts_with("mamey-") || name == "traceparent";
      if (one_of_ours)
        note("headers of ours", "none", "`mamey-…` and `traceparent` beside");
      else if (name == format_.span_context_header)
        note_trace();
      else
        ADD_FAILURE() << called << ": the header " << name << " is of nobody: " << value;
    }
    note("delivery mode", "1 unless `messagesPersisted`", ours.delivery_mode == 2 ? "2" : "1");
    note("content type, type, application", "none", ours.content_type + ", the type's name, the application's");
    EXPECT_FALSE(bool(there["mandatory"])) << called;  // here: that nobody is bound is told, see the transport's tests
  }

  static message_properties with_time(message_properties of) {
    of.timestamp = 1;
    return of;
  }
  static std::string trace_of(const std::string& span_context) {
    const auto trace = rabbitmq_detail::traceparent_of(span_context);
    return trace.empty() ? trace : trace.substr(0, 35) + trace.substr(52);
  }
  /// .NET escapes what JSON may leave as it is.
  static std::string meaning(const std::string& body) {
    simdjson::dom::parser parser;
    return simdjson::minify(simdjson::dom::element(parser.parse(body)));
  }

  void note_trace() { note("a trace", "`span_context` only where the caller gives one", "in every message"); }
  void note(const std::string& what, const std::string& there, const std::string& here) {
    everywhere_.emplace(what, std::pair(there, here));
  }

  mamey::testing::vectors recorded_{"rabbitmq", "publish.json"};
  std::map<std::string, std::pair<std::string, std::string>> everywhere_;
  wire_format format_;
  fed_transport through_;
};

TEST(published_messages, are_those_of_convey_by_exchange_key_properties_headers_and_body) {
  published_beside_convey beside;
  for (const auto section : beside.sections()) beside.section(section);
  beside.whole();
}

}  // namespace
