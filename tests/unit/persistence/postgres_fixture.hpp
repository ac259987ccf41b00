#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <mamey/persistence/postgres/store.hpp>

#include "../../conformance/store_examples.hpp"
#include "../../support/postgres_server.hpp"

namespace mamey::testing {

/// A store in a schema of its own.
class postgres_fixture : public ::testing::Test {
 protected:
  postgres_fixture()
      : options_{.connection_string = server_.connection_string(), .schema = schema_, .lock_timeout = std::chrono::minutes(1)} {
  }  // the machine may be busy
  ~postgres_fixture() override {
    store_.reset();
    server_.execute("set client_min_messages = error; drop schema if exists " + schema_ + " cascade");
  }

  postgres_store& db() {
    if (!store_) open();
    return *store_;
  }
  void open() {
    store_.reset();
    store_ = make();
  }
  std::unique_ptr<postgres_store> make() {
    auto made = std::make_unique<postgres_store>(options_, environment_);
    const collection* const all[] = {&parts(), &part_views()};
    made->prepare(all);
    return made;
  }

  void insert(const std::string& id, int amount = 0) { db().commit({.documents = {insert_part(id, {.sku = id, .amount = amount})}}); }
  std::int64_t amount_of(const std::string& id) { return std::get<std::int64_t>(db().load(parts(), id)->columns.at(1)); }

  /// First column of the first row, as the store shows it.
  sql_value value(const std::string& sql, std::vector<sql_value> parameters = {}) {
    sql_value found;
    db().query({.text = sql, .parameters = std::move(parameters)}, [&](const sql_row& row) { found = row.values.at(0); });
    return found;
  }

  std::string admin(const std::string& sql) const {
    const auto found = server_.execute("set search_path = " + schema_ + "; " + sql);
    return found.empty() ? std::string() : found[0].at(0);
  }

  template <class Condition>
  static void wait_for(Condition condition) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), give_up) << "it did not happen";
      std::this_thread::yield();
    }
  }

  postgres_server& server_ = postgres_server::shared();
  const std::string schema_ = postgres_server::fresh_name();
  postgres_options options_;
  postgres_environment environment_;
  std::unique_ptr<postgres_store> store_;
};

}  // namespace mamey::testing
