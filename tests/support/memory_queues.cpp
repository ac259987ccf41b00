#include "memory_queues.hpp"

#include <algorithm>
#include <utility>

namespace mamey::testing {

void memory_queues::bind(const std::string& queue, const std::string& exchange, const std::string& routing_key) {
  if (before) before("bind");
  const std::lock_guard lock(mutex_);
  bindings_[{exchange, routing_key}].insert(queue);
}

void memory_queues::unbind(const std::string& queue, const std::string& exchange, const std::string& routing_key) {
  const std::lock_guard lock(mutex_);
  bindings_[{exchange, routing_key}].erase(queue);
}

std::vector<int> memory_queues::publish(std::span<const queue_publication> messages) {
  if (before) before("publish");
  std::vector<int> reached;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& each : messages) {
      const auto& queues = bindings_[{each.message.exchange, each.message.routing_key}];
      for (const auto& queue : queues)
        rows_[++next_sequence_] = {.queue = queue, .message = each.message, .maybe_sent = each.maybe_sent, .token = {}};
      reached.push_back(static_cast<int>(queues.size()));
    }
  }
  wake();
  return reached;
}

void memory_queues::put(const std::string& queue, const envelope& message, std::chrono::milliseconds delay) {
  if (before) before("put");
  {
    const std::lock_guard lock(mutex_);
    rows_[++next_sequence_] = {.queue = queue, .message = message, .token = {}, .visible_at = steady_now() + delay};
  }
  wake();
}

durable_queues::taken memory_queues::take(const std::string& queue, std::size_t most, std::chrono::milliseconds lease, bool ordered) {
  if (before) before("take");
  const std::lock_guard lock(mutex_);
  const auto now = steady_now();
  taken result{.token = "q" + std::to_string(++next_token_), .messages = {}};
  std::set<std::string> headed;
  bool suspect_out = std::ranges::any_of(rows_, [&](const auto& each) {
    return each.second.queue == queue && !each.second.token.empty() && each.second.starts > 1 && each.second.lease_until > now;
  });
  for (auto& [sequence, each] : rows_) {
    if (result.messages.size() == most) break;
    if (each.queue != queue) continue;
    const auto& key = each.message.key;
    if (ordered && !key.empty() && !headed.insert(key).second) continue;
    const bool free = each.token.empty() || each.lease_until <= now;
    if (!free || each.visible_at > now || (!each.token.empty() && std::exchange(suspect_out, true))) continue;
    each.token = result.token;
    each.lease_until = now + lease;
    result.messages.push_back({.sequence = sequence, .message = each.message, .starts = ++each.starts, .maybe_sent = each.maybe_sent});
  }
  return result;
}

void memory_queues::remove(std::span<const std::int64_t> sequences) {
  if (before) before("remove");
  const std::lock_guard lock(mutex_);
  for (const auto each : sequences) rows_.erase(each);
}

std::size_t memory_queues::give_back(const std::string& token, std::span<const std::int64_t> sequences, std::chrono::milliseconds delay,
                                     bool counted) {
  if (before) before("give_back");
  std::size_t applied = 0;
  {
    const std::lock_guard lock(mutex_);
    for (const auto each : sequences) {
      const auto found = rows_.find(each);
      if (found == rows_.end() || found->second.token != token) continue;
      found->second.token.clear();
      found->second.visible_at = steady_now() + delay;
      if (!counted) --found->second.starts;
      ++applied;
    }
  }
  wake();
  return applied;
}

std::size_t memory_queues::renew(const std::string& token, std::span<const std::int64_t> sequences, std::chrono::milliseconds lease) {
  if (before) before("renew");
  const std::lock_guard lock(mutex_);
  std::size_t applied = 0;
  for (const auto each : sequences) {
    const auto found = rows_.find(each);
    if (found == rows_.end() || found->second.token != token) continue;
    found->second.lease_until = steady_now() + lease;
    ++applied;
  }
  return applied;
}

std::int64_t memory_queues::depth(const std::string& queue) {
  if (before) before("depth");
  const std::lock_guard lock(mutex_);
  return std::count_if(rows_.begin(), rows_.end(), [&](const auto& each) { return each.second.queue == queue; });
}

void memory_queues::on_publish(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
}

void memory_queues::expire_leases() {
  {
    const std::lock_guard lock(mutex_);
    for (auto& [sequence, each] : rows_) each.lease_until = {};
  }
  wake();
}

void memory_queues::wake() {
  std::function<void()> call;
  {
    const std::lock_guard lock(mutex_);
    call = wake_;
  }
  if (call) call();
}

}  // namespace mamey::testing
