#pragma once

/// @file
/// Collections as tables of PostgreSQL.

#include <span>
#include <string_view>
#include <vector>

#include <mamey/persistence/document_table.hpp>
#include <mamey/persistence/postgres/detail/statement.hpp>

namespace mamey::inline v1::postgres_detail {

const sql_dialect& dialect();

step load_step(const document_table& from, std::string_view id);
step find_step(const document_table& in, const document_query& query);
step count_step(const document_table& in, std::span<const column_condition> where);
std::vector<document> read_documents(const rows& found);

/// One recorded change. A row that is not as expected ends the unit in the database itself.
step write_step(const document_table& into, const document_write& change);

}  // namespace mamey::inline v1::postgres_detail
