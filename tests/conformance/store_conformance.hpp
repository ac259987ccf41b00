#pragma once

/// @file
/// What every store does, whatever database is beneath. A provider's test instantiates the suite:
/// `INSTANTIATE_TEST_SUITE_P(sqlite, store_conformance, ::testing::Values(make_database))`.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <mamey/domain/table_mapping.hpp>
#include <mamey/messaging/store.hpp>

namespace mamey::testing {

/// An empty database and its clock.
class test_database {
 public:
  virtual ~test_database() = default;
  /// Opens it; again after the store that was open is gone: then it finds what was committed.
  virtual std::unique_ptr<store> open() = 0;
  /// Moves the store's clock; back when negative.
  virtual void move_clock(std::chrono::milliseconds span) = 0;
  /// What a column is called that somebody made for such values.
  virtual std::string type_for(column_content content) const = 0;
};

class store_conformance : public ::testing::TestWithParam<std::function<std::unique_ptr<test_database>()>> {
 protected:
  store_conformance();
  /// Closes the store and opens the database again.
  void reopen();
  store& db() { return *store_; }
  /// What is due, under a token of its own.
  std::vector<delayed_message> claim_due(std::chrono::milliseconds lease = std::chrono::seconds(30)) {
    return db().claim_due({.token = "c" + std::to_string(++claims_), .most = 10, .lease = lease, .except = {}});
  }
  void move_clock(std::chrono::milliseconds span) { database_->move_clock(span); }
  std::string type_for(column_content content) const { return database_->type_for(content); }

 private:
  std::unique_ptr<test_database> database_;
  std::unique_ptr<store> store_;
  int claims_ = 0;
};

}  // namespace mamey::testing
