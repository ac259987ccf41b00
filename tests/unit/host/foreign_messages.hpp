#pragma once

/// @file
/// A transport that is fed by a test, an application in simulated time over it, and messages as the vectors write them.

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <simdjson.h>

#include <mamey/host/definition.hpp>
#include <mamey/host/running_application.hpp>
#include <mamey/messaging/rabbitmq/detail/wire_message.hpp>
#include <mamey/messaging/transport.hpp>
#include <mamey/persistence/sqlite/store.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/shutdown.hpp>

namespace mamey_test {

using namespace mamey;

/// The message that .NET's handlers were recorded with.
enum class Colour : int { red, dark_blue };
struct Probe {
  static constexpr message_options message{.exchange = "wire"};
  std::string what;
  int number = 0;
  uuid id;
  Colour colour = Colour::red;
};

/// Hands over what the test says and keeps what is published.
class fed_transport final : public transport {
 public:
  const transport_features& features() const noexcept override { return features_; }
  void declare(const topology&) override {}
  std::unique_ptr<outgoing_channel> open_channel(publish_callback done, channel_state_callback changed) override {
    changed(channel_state::ready, {});
    return std::make_unique<keeping_channel>(*this, std::move(done));
  }
  std::unique_ptr<consumer> subscribe(const queue_options& options, delivery_callback deliver, consumer_state_callback) override {
    queues[options.queue] = std::move(deliver);
    return std::make_unique<silent_consumer>();
  }
  void check() override {}

  void deliver(const std::string& queue, envelope message) {
    delivery next;
    next.message = std::make_shared<const envelope>(std::move(message));
    next.settle = std::make_unique<counting_settlement>(*this);
    queues.at(queue)(std::move(next));
  }

  std::map<std::string, delivery_callback> queues;
  std::vector<envelope> published;
  int acknowledged = 0, given_back = 0;

 private:
  struct keeping_channel final : outgoing_channel {
    keeping_channel(fed_transport& in, publish_callback told) : of(in), done(std::move(told)) {}
    void publish(std::span<const outgoing_message> messages) override {
      for (const auto& each : messages) {
        of.published.push_back(*each.message);
        done(each.tag, {});
      }
    }
    void reset() override {}
    fed_transport& of;
    publish_callback done;
  };
  struct silent_consumer final : consumer {
    void cancel() override {}
    void close() override {}
  };
  struct counting_settlement final : settlement {
    explicit counting_settlement(fed_transport& in) : of(in) {}
    void acknowledge() noexcept override { ++of.acknowledged; }
    void give_back(std::chrono::milliseconds, start_counting) noexcept override { ++of.given_back; }
    fed_transport& of;
  };
  transport_features features_{.name = "fed"};
};

/// Gives the application a store in memory by this clock (none: the machine's); it is put into `records` when it is opened.
inline void keep_in_memory(application_definition& what, std::function<wall_time()> clock, sqlite_store*& records) {
  what.use_store({.name = "memory", .feature = "the test"},
                 [clock = std::move(clock), &records](const environment&) -> std::unique_ptr<store> {
                   sqlite_options options;
                   options.path = ":memory:";
                   auto made = std::make_unique<sqlite_store>(
                       options, sqlite_environment{.clock = clock, .migrations = {}, .wait = sqlite_environment::waiting::block});
                   records = made.get();
                   return made;
                 });
}

/// Runs the application over `through`; `work` begins when it listens.
inline void run_over(fed_transport& through, std::unique_ptr<application_definition> what, std::string_view settings,
                     simulated_runtime& time, const std::function<void(running_application&)>& work) {
  what->use_transport({.name = "fed", .feature = "the test"},
                      [&](const environment&) -> std::shared_ptr<transport> { return {std::shared_ptr<void>(), &through}; });
  application_surroundings around{.system_loop = &time.loop(), .workers = {&time.loop()}};
  around.configuration.add_json(settings, "the test");
  auto application = std::make_unique<running_application>(std::move(what), std::move(around));
  time.run([&] {
    application->prepare();
    application->consume();
    application->start();
    sleep_for(std::chrono::seconds(1));
    try {
      work(*application);
    } catch (const std::exception& unexpected) {  // the application is stopped all the same: its fibers must not outlive it
      ADD_FAILURE() << unexpected.what();
    }
    shutdown_plan plan;
    application->plan_shutdown(plan);
    plan.run([](std::string_view, const std::string&) {});
    application.reset();
  });
}

inline std::string text_in(simdjson::dom::element from, std::string_view key) {
  std::string_view text;
  return from[key].get(text) ? std::string() : std::string(text);
}

inline std::string bytes_of(simdjson::dom::element message) {
  const auto hex = text_in(message, "body_hex");
  if (hex.empty()) return text_in(message, "body");
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

/// Header values stand as they are, or as `{"type": "S", "value": …}`.
inline rabbitmq_detail::message_properties properties_of(simdjson::dom::element given) {
  rabbitmq_detail::message_properties made{.headers = {}, .message_id = text_in(given, "message_id")};
  made.correlation_id = text_in(given, "correlation_id");
  made.content_type = text_in(given, "content_type");
  made.content_encoding = text_in(given, "content_encoding");
  made.type = text_in(given, "type");
  made.app_id = text_in(given, "app_id");
  simdjson::dom::object headers;
  if (given["headers"].get(headers)) return made;
  for (const auto field : headers) {
    auto value = field.value;
    if (value.is_object()) value = value["value"].value();
    const std::string name(field.key);
    if (value.is_string())
      made.headers.emplace_back(name, std::string(std::string_view(value)));
    else if (value.is_int64())
      made.headers.emplace_back(name, std::int64_t(value));
    else if (value.is_bool())
      made.headers.emplace_back(name, bool(value));
  }
  return made;
}

}  // namespace mamey_test
