#pragma once

/// @file
/// Versioned steps of a schema, each applied once, in order, under an advisory lock.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/persistence/postgres/detail/connection.hpp>
#include <mamey/persistence/postgres/options.hpp>

namespace mamey::inline v1::postgres_detail {

/// A plain transaction on a connection nobody else uses.
class open_transaction {
 public:
  explicit open_transaction(connection& on);
  ~open_transaction();
  open_transaction(const open_transaction&) = delete;
  open_transaction& operator=(const open_transaction&) = delete;
  void commit();

 private:
  connection* on_;
};

/// Runs one statement and throws what it refuses.
rows run_statement(connection& on, std::string text, parameters values = {});

/// Waits, within the transaction, until no other process changes tables of this schema. Neither `commandTimeout` nor the timeouts of the
/// role bound that wait, and no statement of the transaction has a bound of its own any more.
void lock_schema(connection& on);

/// Makes the schema and the table that remembers steps.
void prepare_history(connection& on, const std::string& schema);

/// Applies what is missing. Throws `unavailable` (start refused) when a step that was applied has changed since, when a step is missing
/// below one that was applied, or when one fails; what went before it stays applied. Steps known to the database only are those of a newer
/// release, which must suit this one.
void migrate(connection& on, std::string_view component, std::span<const postgres_migration> steps);

/// Applies what is missing, schema and history included, and undoes it: the names of the steps, all of which would succeed. Throws as
/// `migrate` does.
std::vector<std::string> try_migrations(connection& on, const std::string& schema, std::span<const postgres_migration> own,
                                        std::span<const postgres_migration> service);

}  // namespace mamey::inline v1::postgres_detail
