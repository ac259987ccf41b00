#pragma once

/// @file
/// For the framework.
/// Durable queues in a schema of a PostgreSQL database, shared by every process that reaches it.

#include <memory>
#include <string>

#include <mamey/messaging/queue.hpp>
#include <mamey/persistence/postgres/options.hpp>

namespace mamey::inline v1 {

/// The base of the SQL transport where there is no broker. Takers skip each other's rows; publishes of a key are numbered in the
/// order of their commits. Leases and delays are compared with the database's clock. Callable from any fiber and thread; throws
/// `unavailable` when the database cannot be used, `deadline_exceeded` when the deadline passed.
class postgres_queues final : public durable_queues {
 public:
  /// Makes schema (`options.queue_schema`) and tables where they are missing. Of the environment it uses application and metrics.
  explicit postgres_queues(const postgres_options& options, const postgres_environment& environment = {});
  ~postgres_queues() override;

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
  /// delay that this process gave ends, within a fifth of a second after a publish of another process, and once per second. After it is
  /// replaced (for example by an empty one), the old one is not running any more.
  void on_publish(std::function<void()> wake) override;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace mamey::inline v1
