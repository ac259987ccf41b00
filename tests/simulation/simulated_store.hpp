#pragma once

/// @file
/// A store as a simulation uses it: what the product's machines call, and what the judge looks at. Which one it is the test decides.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <mamey/messaging/store.hpp>

namespace mamey::simulation {

class simulated_store {
 public:
  virtual ~simulated_store() = default;

  /// The store, at the simulated time of this moment: not to be kept.
  virtual store& db() = 0;
  /// A unit of work whose statements are effects, to be told to `apply` when they are committed.
  virtual commit_outcome commit(const change_set& changes) = 0;
  std::function<void(const sql_statement&)> apply;

  struct row {
    std::string message_id;
    bool parked = false;
    std::string reason;
  };
  virtual std::vector<row> outbox() = 0;  ///< neither sent nor unroutable
  virtual bool has_pending() = 0;
  virtual bool holds(std::int64_t sequence, const std::string& token) = 0;
  virtual std::size_t delayed_count() = 0;
  virtual std::vector<error_record> errors() = 0;
};

using simulated_clock = std::function<std::chrono::nanoseconds()>;
/// Makes an empty one; `number` tells the two of a world apart.
using store_maker = std::function<std::unique_ptr<simulated_store>(int number, simulated_clock clock)>;

/// In memory: fast enough for many thousand schedules.
std::unique_ptr<simulated_store> make_memory_store(int number, simulated_clock clock);

}  // namespace mamey::simulation
