#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <mamey/persistence/sqlite/store.hpp>

#include "../../conformance/store_examples.hpp"
#include "../../support/temporary_directory.hpp"

namespace mamey::testing {

/// A store in a folder of its own, with a clock that stands still.
class sqlite_fixture : public ::testing::Test {
 protected:
  sqlite_fixture() : options_{.directory = directory_.path(), .path = "parts.db"} {}

  sqlite_store& db() {
    if (!store_) open();
    return *store_;
  }
  void open() {
    store_.reset();
    environment_.clock = [this] { return wall_time(now_.load()); };
    store_ = std::make_unique<sqlite_store>(options_, environment_);
    const collection* const all[] = {&parts(), &part_views()};
    store_->prepare(all);
  }
  void close() { store_.reset(); }

  /// Waits for something that another thread is about to do.
  template <class Condition>
  void wait_for(Condition condition) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), give_up) << "it did not happen";
      std::this_thread::yield();
    }
  }

  /// Runs all `works` as one group: they queue up, in order, behind a transaction that is then let go.
  std::vector<std::exception_ptr> run_together(const std::vector<std::function<void()>>& works) {
    std::vector<std::exception_ptr> failures(works.size());
    auto gate = db().begin({}, std::chrono::seconds(30));
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < works.size(); ++i) {
        threads.emplace_back([&, i] {
          try {
            works[i]();
          } catch (...) {
            failures[i] = std::current_exception();
          }
        });
        wait_for([&] { return db().statistics().queued == i + 1; });
      }
      gate->rollback();
    }
    return failures;
  }

  temporary_directory directory_;
  sqlite_options options_;
  sqlite_environment environment_;
  std::unique_ptr<sqlite_store> store_;
  std::atomic<std::chrono::microseconds> now_{std::chrono::days(20'000)};
};

/// Kind and code of a failure kept aside.
inline std::pair<error_kind, std::string> refusal_of(const std::exception_ptr& failure) {
  return refusal([&] {
    if (failure) std::rethrow_exception(failure);
  });
}

}  // namespace mamey::testing
