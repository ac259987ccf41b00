#pragma once

/// @file
/// Connections of one kind: bounded, shared or exclusive, opened when needed, replaced when broken.

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <mamey/persistence/postgres/detail/connection.hpp>
#include <mamey/persistence/postgres/options.hpp>
#include <mamey/runtime/sync.hpp>

namespace mamey::inline v1::postgres_detail {

struct pool_settings {
  std::string kind;  ///< for messages
  int connections = 1;
  int share = 1;  ///< maximum number of exchanges in flight on one connection; 1: its holder has it alone
  int waiting_limit = 1;
  std::chrono::nanoseconds acquire_timeout{}, connect_timeout{}, longest_back_off{};
  connection_target target;
  std::vector<step> greeting;  ///< run on each new connection; its first value is the server's process
  std::shared_ptr<const statement_stopper> stopper;
  std::shared_ptr<session_era> era;  ///< shared by all pools of a store
  bool writes = true;                ///< false: its sessions are read only by our own wish
};

/// Any fiber and thread.
class pool {
 public:
  explicit pool(pool_settings settings);
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;

  struct member;
  /// The right to use a connection; returns it when it goes away.
  class lease {
   public:
    lease(pool& from, std::shared_ptr<member> of) : pool_(&from), member_(std::move(of)) {}
    lease(lease&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), member_(std::move(other.member_)) {}
    lease& operator=(lease&&) = delete;
    ~lease();
    connection& operator*() const noexcept;
    connection* operator->() const noexcept { return &**this; }
    /// Closes the connection instead of giving it back.
    void discard() noexcept;

   private:
    pool* pool_;
    std::shared_ptr<member> member_;
  };

  /// Waits for its turn. Throws `unavailable` when too many wait, none came free in time, or no connection is open and none can be opened.
  /// While some are open and the server lets in no further one, it waits for those.
  lease acquire();

  /// Runs an exchange that may be run again when the connection broke before an answer came: reads, and statements whose token shows
  /// whether they ran.
  void run_again_if_lost(const exchange_ptr& work);
  /// Runs an exchange; again only if certainly nothing of it was applied: the connection had broken already, or it was refused by a session
  /// whose plans or role are out of date, as long as it met none that was opened afterwards. `how`: another way than `connection::run`.
  /// Returns the connection it ran on, for who goes on with it.
  lease run(const exchange_ptr& work, const std::function<void(connection&)>& how = {});

  const std::string& kind() const noexcept { return settings_.kind; }
  void add_to(postgres_statistics& all) const;

 private:
  std::shared_ptr<member> take(steady_time until);
  std::shared_ptr<member> try_to_open();
  std::shared_ptr<member> connect(steady_time until) const;
  void give_back(const std::shared_ptr<member>& used) noexcept;
  // Under the lock.
  std::shared_ptr<member> take_idle_or_least(bool may_open);
  bool has_live_member() const;
  void tell_seekers(std::size_t most) noexcept;
  void wait_for_room(std::unique_lock<std::mutex>& lock, steady_time until);

  const pool_settings settings_;
  semaphore turns_;
  std::atomic<int> waiting_{0};
  mutable std::mutex guard_;  ///< never held while waiting
  std::vector<std::shared_ptr<member>> members_;
  // Callers that have their turn and no connection: permits and seekers together are as many as wait for a permit.
  semaphore room_{0};
  std::size_t seekers_ = 0;
  bool opening_ = false;  ///< somebody is
  // Since the last success.
  int failures_ = 0;
  steady_time not_before_{};
  std::string last_code_, last_failure_;
  std::atomic<std::uint64_t> opened_{0}, lost_{0}, refused_{0};
};

/// A new exchange of `steps`.
exchange_ptr make_exchange(std::vector<step> steps);

}  // namespace mamey::inline v1::postgres_detail
