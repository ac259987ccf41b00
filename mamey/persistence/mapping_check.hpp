#pragma once

/// @file
/// Whether the table of a mapping is what the mapping says: asked by a provider when the service's migrations have run.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/domain/table_mapping.hpp>

namespace mamey::inline v1 {

/// A column as the database describes it.
struct found_column {
  std::string name;
  std::string type;         ///< as the provider's rules know it
  std::string shown;        ///< as people know it
  bool identifies = false;  ///< no two rows have the same value
  bool needed = false;      ///< an insert must give it a value
};

struct found_table {
  bool exists = false;
  bool is_view = false;
  std::vector<found_column> columns;
};

/// What a database keeps a member's value in.
struct column_rules {
  bool (*fits)(column_content content, std::string_view type) = nullptr;
  std::string_view (*expected)(column_content content) = nullptr;  ///< `numeric`
};

/// Throws `unavailable` (`mapping_refused`) that names the table, every column that is missing or of another kind, and what was expected.
void check_mapping(const collection& of, const found_table& found, const column_rules& rules);

}  // namespace mamey::inline v1
