#pragma once

/// @file
/// The transport against a real node: what the conformance suite, which knows no broker, cannot ask for.

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <mamey/core/error.hpp>
#include <mamey/messaging/rabbitmq/transport.hpp>
#include <mamey/runtime/runtime.hpp>

#include "rabbitmq_node.hpp"

namespace mamey::testing {

using namespace std::chrono_literals;

/// Things told from other threads, to be waited for.
template <class T>
class told {
 public:
  void add(T what) {
    const std::lock_guard lock(mutex_);
    all_.push_back(std::move(what));
    changed_.notify_all();
  }
  template <class Predicate>
  bool await(Predicate holds) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return holds(all_); });
  }
  std::optional<T> next() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, patience, [&] { return !all_.empty(); })) return std::nullopt;
    auto first = std::move(all_.front());
    all_.pop_front();
    return first;
  }
  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return all_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> all_;
};

class rabbitmq_broker : public ::testing::Test {
 protected:
  rabbitmq_options options() const {
    return {.host_names = {"127.0.0.1"}, .port = node().port(), .virtual_host = host_, .network_recovery_interval = 500ms};
  }
  std::shared_ptr<rabbitmq_transport> open(rabbitmq_options with) {
    return std::make_shared<rabbitmq_transport>(loops_.system_loop(), std::move(with), "test");
  }
  std::shared_ptr<rabbitmq_transport> open() { return open(options()); }
  static private_rabbitmq& node() { return *rabbitmq_node::running; }
  std::string in_host(const std::string& expression) const {  // HOST stands for the virtual host
    auto text = expression;
    for (auto at = text.find("HOST"); at != std::string::npos; at = text.find("HOST", at)) text.replace(at, 4, "<<\"" + host_ + "\">>");
    return text;
  }

  struct publishing {
    explicit publishing(transport& through)
        : channel(through.open_channel([this](std::uint64_t tag, const publish_outcome& what) { outcomes.add({tag, what}); },
                                       [this](channel_state now, std::string_view) { states.add(now); })) {}
    void send(std::uint64_t tag, const std::string& key = "created", std::string body = "{}", const std::string& exchange = "orders",
              std::string order = {}) {
      envelope message;
      message.id = "m" + std::to_string(tag);
      message.key = std::move(order);
      message.exchange = exchange;
      message.routing_key = key;
      message.body = std::move(body);
      const std::array one{outgoing_message{.tag = tag, .message = std::make_shared<const envelope>(std::move(message))}};
      channel->publish(one);
    }
    publish_outcome outcome_of(std::uint64_t tag) {
      publish_outcome found{.result = publish_result::broker_fault, .reason = "no outcome came"};
      outcomes.await([&](const auto& all) {
        for (const auto& each : all) {
          if (each.first == tag) return found = each.second, true;
        }
        return false;
      });
      return found;
    }
    bool await(channel_state wanted) {
      return states.await([&](const auto& all) { return !all.empty() && all.back() == wanted; });
    }
    told<std::pair<std::uint64_t, publish_outcome>> outcomes;
    told<channel_state> states;
    std::unique_ptr<outgoing_channel> channel;
  };

  static topology stock(bool ordered = false) {
    return {.exchanges = {{.name = "orders"}},
            .queues = {{.name = "stock", .ordered = ordered}},
            .bindings = {{.queue = "stock", .exchange = "orders", .routing_key = "created"}}};
  }

  std::string host_ = rabbitmq_node::running->new_virtual_host();
  runtime loops_{{.threads = 1}};
};

}  // namespace mamey::testing
