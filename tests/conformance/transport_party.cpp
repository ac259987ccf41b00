#include "transport_party.hpp"

#include <array>

namespace mamey::testing {

std::chrono::milliseconds& patience() {
  static std::chrono::milliseconds span{10'000};
  return span;
}

void broken(const std::string& promise) { throw promise_broken(promise); }

std::string name_of(std::uint64_t tag) { return "m" + std::to_string(tag); }

// -- receiver -----------------------------------------------------------------------------------------------------------

delivery_callback receiver::callback() {
  return [shared = shared_](delivery next) {
    const std::lock_guard lock(shared->mutex);
    shared->deliveries.push_back(std::move(next));
    shared->changed.notify_all();
  };
}

delivery receiver::next(const std::string& what) {
  await(1, what);
  const std::lock_guard lock(shared_->mutex);
  auto first = std::move(shared_->deliveries.front());
  shared_->deliveries.pop_front();
  return first;
}

void receiver::await(std::size_t count, const std::string& what) {
  std::unique_lock lock(shared_->mutex);
  if (!shared_->changed.wait_for(lock, patience(), [&] { return shared_->deliveries.size() >= count; })) broken(what + " did not come");
}

std::size_t receiver::count() {
  const std::lock_guard lock(shared_->mutex);
  return shared_->deliveries.size();
}

void receiver::drop() {
  std::deque<delivery> gone;
  const std::lock_guard lock(shared_->mutex);
  gone.swap(shared_->deliveries);
}

// -- party --------------------------------------------------------------------------------------------------------------

party::party(std::shared_ptr<transport> through) : through_(std::move(through)) {
  channel_ = through_->open_channel(
      [shared = shared_](std::uint64_t tag, const publish_outcome& outcome) {
        const std::lock_guard lock(shared->mutex);
        shared->outcomes[tag].push_back(outcome);
        shared->changed.notify_all();
      },
      {});
}

party::~party() = default;

void party::declare(const std::string& queue, const std::string& routing_key, bool ordered) {
  through_->declare({.exchanges = {{.name = "orders"}},
                     .queues = {{.name = queue, .ordered = ordered}},
                     .bindings = {{.queue = queue, .exchange = "orders", .routing_key = routing_key}}});
}

std::unique_ptr<consumer> party::consume(const std::string& queue, receiver& into, std::size_t prefetch, bool ordered) {
  return through_->subscribe({.queue = queue, .prefetch = prefetch, .ordered = ordered}, into.callback(), {});
}

std::uint64_t party::publish(const std::string& routing_key, std::string key, steady_time send_before) {
  envelope message;
  message.id = name_of(next_tag_ + 1);
  message.key = std::move(key);
  message.exchange = "orders";
  message.routing_key = routing_key;
  const std::array one{
      outgoing_message{.tag = ++next_tag_, .message = std::make_shared<const envelope>(std::move(message)), .send_before = send_before}};
  channel_->publish(one);
  return next_tag_;
}

std::uint64_t party::publish(envelope message) {
  const std::array one{outgoing_message{.tag = ++next_tag_, .message = std::make_shared<const envelope>(std::move(message))}};
  channel_->publish(one);
  return next_tag_;
}

publish_outcome party::outcome(std::uint64_t tag) {
  std::unique_lock lock(shared_->mutex);
  if (!shared_->changed.wait_for(lock, patience(), [&] { return shared_->outcomes.contains(tag); }))
    broken("the outcome of " + name_of(tag) + " did not come");
  return shared_->outcomes.at(tag).front();
}

bool party::has_outcome(std::uint64_t tag) { return outcomes(tag) > 0; }

int party::outcomes(std::uint64_t tag) {
  const std::lock_guard lock(shared_->mutex);
  const auto found = shared_->outcomes.find(tag);
  return found == shared_->outcomes.end() ? 0 : static_cast<int>(found->second.size());
}

void party::reset() { channel_->reset(); }

}  // namespace mamey::testing
