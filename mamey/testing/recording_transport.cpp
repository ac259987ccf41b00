#include <mamey/testing/recording_transport.hpp>

#include <algorithm>
#include <utility>

namespace mamey::inline v1::testing {
namespace {

class recording_channel final : public outgoing_channel {
 public:
  recording_channel(recording_transport& into, publish_callback done) : into_(into), done_(std::move(done)) {}
  void publish(std::span<const outgoing_message> messages) override {
    for (const auto& each : messages) {
      into_.keep(*each.message);
      done_(each.tag, {});
    }
  }
  void reset() override {}

 private:
  recording_transport& into_;
  publish_callback done_;
};

class told_settlement final : public settlement {
 public:
  explicit told_settlement(std::function<void(std::chrono::milliseconds)> settled) : settled_(std::move(settled)) {}
  ~told_settlement() override { tell(std::chrono::milliseconds(0)); }
  void acknowledge() noexcept override { tell(std::chrono::milliseconds(-1)); }
  void give_back(std::chrono::milliseconds delay, start_counting) noexcept override { tell(delay); }

 private:
  void tell(std::chrono::milliseconds delay) noexcept {
    if (settled_) std::exchange(settled_, nullptr)(delay);
  }
  std::function<void(std::chrono::milliseconds)> settled_;
};

class idle_consumer final : public consumer {
 public:
  explicit idle_consumer(std::function<void()> ended) : ended_(std::move(ended)) {}
  void cancel() override {
    if (ended_) std::exchange(ended_, nullptr)();
  }
  void close() override { cancel(); }

 private:
  std::function<void()> ended_;
};

}  // namespace

const transport_features& recording_transport::features() const noexcept {
  static const transport_features recorded{.name = "recording", .delayed_give_back = true};
  return recorded;
}

void recording_transport::declare(const topology& wanted) {
  for (const auto& each : wanted.bindings)
    bindings_.insert({each.exchange, each.routing_key, each.queue});  // declared again at each subscribing
}

std::unique_ptr<outgoing_channel> recording_transport::open_channel(publish_callback done, channel_state_callback changed) {
  if (changed) changed(channel_state::ready, {});
  return std::make_unique<recording_channel>(*this, std::move(done));
}

std::unique_ptr<consumer> recording_transport::subscribe(const queue_options& options, delivery_callback deliver, consumer_state_callback) {
  consumers_[options.queue] = std::move(deliver);
  return std::make_unique<idle_consumer>([this, queue = options.queue] { consumers_.erase(queue); });
}

bool recording_transport::has_queue_for(const envelope& message) const {
  return std::ranges::any_of(bindings_, [&](const auto& each) { return each[0] == message.exchange && each[1] == message.routing_key; });
}

std::size_t recording_transport::deliver(const envelope& message, bool redelivered,
                                         std::function<void(std::chrono::milliseconds)> settled) {
  std::size_t queues = 0;
  for (const auto& [exchange, routing_key, queue] : bindings_) {
    if (exchange != message.exchange || routing_key != message.routing_key) continue;
    const auto found = consumers_.find(queue);
    if (found == consumers_.end()) continue;
    ++queues;
    found->second({.message = std::make_shared<const envelope>(message),
                   .redelivered = redelivered,
                   .starts = 0,
                   .settle = std::make_unique<told_settlement>(settled)});
  }
  return queues;
}

}  // namespace mamey::inline v1::testing
