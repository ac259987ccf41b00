#pragma once

/// @file
/// For providers and the framework.
/// The order in which every store sorts documents, for documents that a unit of work has recorded and no store has seen.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/domain/document.hpp>

namespace mamey::inline v1 {

/// The index of a declared column in `document::columns`.
std::optional<std::size_t> column_index(const collection& in, std::string_view name);

/// The sort value of `of`: the column's value, or the value of a member without a column; none for `id`, and for a row that cannot be read.
sql_value sort_key(const collection& in, const document& of, const document_query& order);

/// The normal form of an id. In a mapped table another program may have written the id in another case.
std::string id_key(const collection& in, std::string_view id);
/// Whether a document meets all conditions, as a store finds it: `20.5` is `20.50` when they are decimals.
bool meets(const collection& in, const document& found, std::span<const column_condition> where);

/// What a client may sort by: a member that has an order. JSON and bytes have none.
bool has_order(const member_model& member);
/// The members that `paging::order_by` may name, by their wire names.
std::vector<std::string> sortable_names(const collection& in);

/// Sorts as `order` says.
void sort_documents(std::vector<document>& all, const collection& in, const document_query& order);
/// Whether it comes after `order.after`.
bool comes_after(const collection& in, const document& candidate, const document_query& order);

}  // namespace mamey::inline v1
