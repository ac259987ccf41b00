#pragma once

/// @file
/// Collections as tables of SQLite.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <mamey/persistence/document_table.hpp>
#include <mamey/persistence/sqlite/detail/connection.hpp>

namespace mamey::inline v1::sqlite_detail {

/// `cuts_times`: as PostgreSQL does, for who tests a service that will use it.
sql_dialect dialect(bool cuts_times);

std::optional<document> load_document(connection& on, const document_table& from, std::string_view id);
std::vector<document> find_documents(connection& on, const document_table& in, const document_query& query);
std::int64_t count_documents(connection& on, const document_table& in, std::span<const column_condition> where);

/// Applies one recorded change. Throws `concurrency_conflict` when the row is not as expected.
void write_document(connection& on, const document_table& into, const document_write& change);

}  // namespace mamey::inline v1::sqlite_detail
