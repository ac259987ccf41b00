#pragma once

/// @file
/// For providers and the framework.
/// Decimals as texts that sort as the numbers do, for databases that have no exact decimals.

#include <string>
#include <string_view>

#include <mamey/domain/document.hpp>

namespace mamey::inline v1 {

/// `1.50` ⇒ `00000000000000000000000000001.5000000000000000000000000000`: one text per number, of one width, which sorts before that of
/// every larger number. What is negative has letters in place of its digits, so that nobody takes the text for another number. A text that
/// is no decimal is left as it is.
std::string sortable_decimal(std::string_view text);

/// The number again, without zeros at its end: `1.5`. A text of another form is left as it is.
std::string shown_decimal(std::string_view text);

/// Below 0, 0 or above 0, as the numbers compare, whether they are sortable texts or plain ones. A text that is no decimal is above all
/// decimals and compared by its bytes.
int compare_decimals(std::string_view left, std::string_view right) noexcept;

/// Whether the type is kept so.
bool is_decimal(const type_model& type);

/// SQL: whether the text in a column is one that an earlier release wrote, with as many places as it took.
std::string plain_decimals(const std::string& column);

}  // namespace mamey::inline v1
