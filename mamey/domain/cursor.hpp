#pragma once

/// @file
/// For providers and the framework.
/// A place in an order, as a text that a client hands back. It gives access to nothing that the query would not show: it only says where to
/// continue.

#include <string>
#include <string_view>

#include <mamey/domain/document.hpp>

namespace mamey::inline v1::detail {

/// Letters, digits, `-` and `_`: it can stand in an address without escapes.
std::string write_cursor(const document_place& place, const collection& in, const document_query& query);

/// Throws validation_error (path `after`) unless the text was made for this collection and order, with a key and an id of their types.
document_place read_cursor(std::string_view text, const collection& in, const type_model& id, const document_query& query);

}  // namespace mamey::inline v1::detail
