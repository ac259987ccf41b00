#pragma once

/// @file
/// What every store does, whatever database is beneath. A provider's test instantiates the suite:
/// `INSTANTIATE_TEST_SUITE_P(sqlite, store_conformance, ::testing::Values(make_database))`.

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <mamey/domain/table_mapping.hpp>
#include <mamey/messaging/store.hpp>
#include <mamey/persistence/document_table.hpp>

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
  /// How it writes statements and shows their plans; none: it has no plans.
  struct planner {
    sql_dialect dialect;
    std::string explain;
  };
  virtual std::optional<planner> planning() const { return std::nullopt; }
};

class store_conformance : public ::testing::TestWithParam<std::function<std::unique_ptr<test_database>()>> {
 protected:
  store_conformance();
  /// Closes the store and opens the database again.
  void reopen();
  store& db() { return *store_; }
  // Its roles.
  document_store& documents() { return *store_; }
  unit_store& units() { return *store_; }
  outbox_store& outbox() { return *store_; }
  inbox_store& inbox() { return *store_; }
  delayed_store& delayed() { return *store_; }
  error_store& errors() { return *store_; }
  store_upkeep& upkeep() { return *store_; }
  /// What is due, under a token of its own.
  std::vector<delayed_message> claim_due(std::chrono::milliseconds lease = std::chrono::seconds(30)) {
    return delayed().claim_due({.token = "c" + std::to_string(++claims_), .most = 10, .lease = lease, .except = {}});
  }
  void move_clock(std::chrono::milliseconds span) { database_->move_clock(span); }
  std::string type_for(column_content content) const { return database_->type_for(content); }
  std::optional<test_database::planner> planning() const { return database_->planning(); }

 private:
  std::unique_ptr<test_database> database_;
  std::unique_ptr<store> store_;
  int claims_ = 0;
};

/// What becomes of values at the edges of their types (value_conformance.cpp).
class value_conformance : public store_conformance {
 protected:
  void prepare(const collection& of);
  void expect_the_law(const collection& in, std::uint64_t seed);
  /// A column that holds all values of the kind.
  std::string wide_type_for(column_content content) const;
};

}  // namespace mamey::testing
