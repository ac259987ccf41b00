#pragma once

/// @file
/// Durable queues in memory, with the semantics of messaging/queue.hpp, for tests of what stands on them.

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <mamey/messaging/queue.hpp>

namespace mamey::testing {

class memory_queues final : public durable_queues {
 public:
  /// Called before each operation with its name; what it throws, the operation throws.
  std::function<void(std::string_view operation)> before;

  void bind(const std::string& queue, const std::string& exchange, const std::string& routing_key) override;
  void unbind(const std::string& queue, const std::string& exchange, const std::string& routing_key) override;
  std::vector<int> publish(std::span<const queue_publication> messages) override;
  void put(const std::string& queue, const envelope& message, std::chrono::milliseconds delay) override;
  taken take(const std::string& queue, std::size_t most, std::chrono::milliseconds lease, bool ordered) override;
  void remove(std::span<const std::int64_t> sequences) override;
  std::size_t give_back(const std::string& token, std::span<const std::int64_t> sequences, std::chrono::milliseconds delay,
                        bool counted) override;
  std::size_t renew(const std::string& token, std::span<const std::int64_t> sequences, std::chrono::milliseconds lease) override;
  std::int64_t depth(const std::string& queue) override;
  void on_publish(std::function<void()> wake) override;

  /// Ends every lease, as time would.
  void expire_leases();

 private:
  struct row {
    std::string queue;
    envelope message;
    bool maybe_sent = false;
    int starts = 0;
    std::string token;
    steady_time lease_until{};
    steady_time visible_at{};
  };
  void wake();

  std::mutex mutex_;
  std::function<void()> wake_;
  std::map<std::pair<std::string, std::string>, std::set<std::string>> bindings_;
  std::map<std::int64_t, row> rows_;
  std::int64_t next_sequence_ = 0;
  std::int64_t next_token_ = 0;
};

}  // namespace mamey::testing
