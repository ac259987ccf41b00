#pragma once

/// @file
/// One process at a transport, as the cases of the conformance suite speak of it: it publishes, consumes, and waits with patience.

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "transport_conformance.hpp"

namespace mamey::testing {

inline constexpr std::chrono::milliseconds patience_with_a_broken_one{400};
/// A delay for a message given back: longer than a broken transport is waited for, so that coming early and coming late are told apart on
/// the slowest machine.
inline constexpr std::chrono::milliseconds long_delay{500};
/// How long a case waits for what must come: `patience_with_a_broken_one`, or much longer.
std::chrono::milliseconds& patience();

[[noreturn]] void broken(const std::string& promise);
inline void require(bool holds, const std::string& promise) {
  if (!holds) broken(promise);
}

/// Deliveries of one consumer, in the order they came.
class receiver {
 public:
  delivery_callback callback();
  /// The next delivery. `what` is named when none comes.
  delivery next(const std::string& what);
  /// Waits until `count` are held here, unsettled and not taken by `next`.
  void await(std::size_t count, const std::string& what);
  std::size_t count();
  /// Everything here goes, unsettled.
  void drop();

 private:
  struct shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<delivery> deliveries;
  };
  std::shared_ptr<shared> shared_ = std::make_shared<shared>();
};

class party {
 public:
  explicit party(std::shared_ptr<transport> through);
  ~party();

  void declare(const std::string& queue, const std::string& routing_key, bool ordered = false);
  std::unique_ptr<consumer> consume(const std::string& queue, receiver& into, std::size_t prefetch = 100, bool ordered = false);

  /// Publishes without waiting; the message's id is its tag's number: `m1`, `m2`, …
  std::uint64_t publish(const std::string& routing_key, std::string key = {}, steady_time send_before = steady_time::max());
  std::uint64_t publish(envelope message);
  publish_outcome outcome(std::uint64_t tag);
  bool has_outcome(std::uint64_t tag);
  int outcomes(std::uint64_t tag);
  void reset();
  const transport_features& features() const { return through_->features(); }

 private:
  struct shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::map<std::uint64_t, std::vector<publish_outcome>> outcomes;
  };
  std::shared_ptr<transport> through_;
  std::shared_ptr<shared> shared_ = std::make_shared<shared>();
  std::unique_ptr<outgoing_channel> channel_;
  std::uint64_t next_tag_ = 0;
};

/// What a message is called in the cases.
std::string name_of(std::uint64_t tag);

}  // namespace mamey::testing
