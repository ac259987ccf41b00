#pragma once

/// @file
/// For the framework.
/// Durable queues in one SQLite file that several processes of a machine share.

#include <memory>

#include <mamey/messaging/queue.hpp>
#include <mamey/persistence/sqlite/options.hpp>

namespace mamey::inline v1 {

/// The base of the SQL transport. Publishing, taking and acknowledging are committed in groups, as a store's units of work are. Callable
/// from any fiber and thread; throws `unavailable` when the file cannot be used, `deadline_exceeded` when the deadline passed.
class sqlite_queues final : public durable_queues {
 public:
  /// Opens the file, making it, its folder and its tables.
  explicit sqlite_queues(const sqlite_options& options, sqlite_environment environment = {});
  ~sqlite_queues() override;

  void bind(const std::string& queue, const std::string& exchange, const std::string& routing_key) override;
  void unbind(const std::string& queue, const std::string& exchange, const std::string& routing_key) override;
  std::vector<int> publish(std::span<const queue_publication> messages) override;
  /// Declares the queue if it is missing.
  void put(const std::string& queue, const envelope& message, std::chrono::milliseconds delay) override;
  taken take(const std::string& queue, std::size_t most, std::chrono::milliseconds lease, bool ordered) override;
  void remove(std::span<const std::int64_t> sequences) override;
  std::size_t give_back(const std::string& token, std::span<const std::int64_t> sequences, std::chrono::milliseconds delay,
                        bool counted) override;
  std::size_t renew(const std::string& token, std::span<const std::int64_t> sequences, std::chrono::milliseconds lease) override;
  std::int64_t depth(const std::string& queue) override;
  /// `wake` is called from any thread: it must not suspend, block, throw or call back. It is called after a publish of this process, when a
  /// delay that this process gave ends, and once per second, for messages of other processes. After it is replaced (for example by an empty
  /// one), the old one is not running any more.
  void on_publish(std::function<void()> wake) override;

  sqlite_statistics statistics() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace mamey::inline v1
