#pragma once

/// @file
/// What every provider's durable queues keep. A provider instantiates the suite:
///
///     INSTANTIATE_TEST_SUITE_P(sqlite, queue_conformance, ::testing::Values([]() -> std::unique_ptr<test_queues> { … }));

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <mamey/messaging/queue.hpp>

namespace mamey::testing {

/// Queues whose clock the test moves.
class test_queues {
 public:
  virtual ~test_queues() = default;
  /// As another process has them, too.
  virtual std::unique_ptr<durable_queues> open() = 0;
  virtual void move_clock(std::chrono::milliseconds span) = 0;
};

std::vector<std::string> ids(const durable_queues::taken& of);
std::vector<std::int64_t> sequences(const durable_queues::taken& of);
std::vector<queue_publication> publications(const std::vector<envelope>& all);

class queue_conformance : public ::testing::TestWithParam<std::function<std::unique_ptr<test_queues>()>> {
 protected:
  queue_conformance() { open(); }
  void open() {
    queues_.reset();
    queues_ = database_->open();
  }
  std::vector<int> publish(const std::vector<envelope>& all) { return queues_->publish(publications(all)); }
  void bind(const std::string& queue) { queues_->bind(queue, "parts", "part_counted"); }
  durable_queues::taken take(const std::string& queue, bool ordered = false) {
    return queues_->take(queue, 100, std::chrono::seconds(30), ordered);
  }
  void move_clock(std::chrono::milliseconds span) { database_->move_clock(span); }

  const std::unique_ptr<test_queues> database_ = GetParam()();
  std::unique_ptr<durable_queues> queues_;
};

}  // namespace mamey::testing
