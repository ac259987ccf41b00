#pragma once

/// @file
/// One application on PostgreSQL and RabbitMQ: a schema and a virtual host of its own for each test.

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <mamey/application.hpp>
#include <mamey/core/json.hpp>
#include <mamey/cqrs/pipeline.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/host/running_application.hpp>
#include <mamey/messaging/rabbitmq/feature.hpp>
#include <mamey/messaging/store.hpp>
#include <mamey/persistence/postgres/feature.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/shutdown.hpp>

#include "rabbitmq_node.hpp"
#include "tests/support/postgres_server.hpp"

namespace mamey::testing {

using namespace std::chrono_literals;

/// What `/_messages` shows.
struct message_figures {
  struct subscription_figures {
    std::string name, state;
    std::int64_t attempts = 0, handled = 0, duplicates = 0, busy = 0, retried = 0, failed = 0, parked = 0, lost = 0, without_id = 0;
  };
  std::int64_t pending = 0, parked = 0, unroutable = 0, oldest_age_milliseconds = 0, errors = 0, sent = 0, attempts = 0, refused = 0;
  std::string trouble;
  std::vector<subscription_figures> subscriptions;
};

class engines_fixture : public ::testing::Test {
 protected:
  /// Starts `what` with `settings` on top of the engines', runs `body` in a fiber of the system loop, and stops it.
  void run(application what, const std::string& settings, const std::function<void()>& body) {
    runtime loops({.threads = 1});
    application_surroundings around{.system_loop = &loops.system_loop(), .workers = {&loops.loop(0)}};
    around.configuration.add_json(
        R"({"app": {"assembly": "tests"}, "management": {"messages": true, "apiKey": "key"}, "messaging": {"immediateRetries": 1, "retryJitter": 0},
            "postgres": {"connectionString": ")" +
        postgres().connection_string() + R"(", "schema": ")" + schema_ + R"("},
            "rabbitMq": {"hostNames": ["127.0.0.1"], "port": )" +
        std::to_string(broker().port()) + R"(, "virtualHost": ")" + host_ +
        R"(", "conventionsCasing": "snakeCase", "foreignExchange": {"wait": "00:00:00"}}})");
    around.configuration.add_json(settings);
    auto definition = std::move(what).release();
    running_ = std::make_unique<running_application>(std::move(definition), std::move(around));
    loops.run_on(loops.system_loop(), [&] {
      running_->prepare();
      running_->consume();
      running_->start();
      body();
      shutdown_plan plan;
      running_->plan_shutdown(plan);
      plan.run([](std::string_view, const std::string&) {});
    });
    running_.reset();
  }

  std::string get(const std::string& path) {
    const std::vector<http::header_field> headers{{"Host", "test"}, {"X-Api-Key", "key"}};
    auto request = http::request::make(http_method::get, path, headers);
    http::response response;
    running_->requests().handle(request, response);
    EXPECT_EQ(response.status(), 200) << path << ": " << response.body();
    return std::string(response.body());
  }
  message_figures figures() { return json::parse<message_figures>(get("/_messages")); }
  message_figures::subscription_figures figures_of(const std::string& subscription) {
    for (auto& each : figures().subscriptions) {
      if (each.name == subscription) return each;
    }
    ADD_FAILURE() << "no subscription " << subscription;
    return {};
  }
  /// The value of one line of `/metrics`; -1 when it is not there.
  double metric(const std::string& line) {
    const auto page = "\n" + get("/metrics");
    const auto at = page.find("\n" + line + " ");
    return at == std::string::npos ? -1 : std::stod(page.substr(at + line.size() + 2));
  }

  /// Waits in a fiber until `holds`.
  template <class Condition>
  void eventually(Condition holds, const char* what) {
    const auto until = steady_now() + 300s;
    while (!holds()) {
      if (steady_now() >= until) {
        ADD_FAILURE() << what << " did not come: " << get("/_messages");
        return;
      }
      sleep_for(10ms);
    }
  }

  /// Puts a message into the outbox as it is.
  void commit(envelope message) { running_->module_store()->commit({.inbox = {}, .outbox = {std::move(message)}}); }

  /// In Erlang, so that properties can be missing: `properties` is the inside of a list. `copies` times, for `N` from 1 on.
  /// Blocks; call through `run_blocking`.
  void publish_raw(const std::string& exchange, const std::string& routing_key, const std::string& properties, const std::string& body,
                   int copies = 1) {
    const auto text = [](const std::string& of) { return "<<\"" + of + "\">>"; };
    broker().evaluate("[rabbit_basic:publish(rabbit_misc:r(" + text(host_) + ", exchange, " + text(exchange) + "), " + text(routing_key) +
                      ", [" + properties + "], base64:decode(" + text(base64(body)) + ")) || N <- lists:seq(1, " + std::to_string(copies) +
                      "), N > 0].");
  }
  /// Ready and unacknowledged. Blocks, likewise.
  int messages_in(const std::string& queue) {
    const auto answer = broker().evaluate("{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"" + host_ + "\">>, queue, <<\"" + queue +
                                          "\">>)), [{messages, N}] = rabbit_amqqueue:info(Q, [messages]), N.");
    return std::stoi(answer);
  }

  std::string sql(const std::string& text) const {
    const auto found = postgres().execute("set search_path = " + schema_ + "; " + text);
    return found.empty() ? std::string() : found[0].at(0);
  }

  virtual postgres_server& postgres() const { return postgres_server::shared(); }
  static private_rabbitmq& broker() { return *rabbitmq_node::running; }

  const std::string schema_ = postgres_server::fresh_name();
  const std::string host_ = rabbitmq_node::running->new_virtual_host();
  std::unique_ptr<running_application> running_;

 private:
  static std::string base64(const std::string& plain) {
    static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string coded;
    for (std::size_t i = 0; i < plain.size(); i += 3) {
      unsigned bits = 0;
      for (std::size_t k = 0; k < 3; ++k) bits = bits << 8 | (i + k < plain.size() ? static_cast<unsigned char>(plain[i + k]) : 0U);
      for (std::size_t k = 0; k < 4; ++k) coded += i + k > plain.size() ? '=' : digits[bits >> (18 - 6 * k) & 63];
    }
    return coded;
  }
};

}  // namespace mamey::testing
