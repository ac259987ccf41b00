#pragma once

/// @file
/// For providers and the framework.
/// Compares the table of a mapping with the mapping. A provider calls it after the service's migrations have run.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/domain/table_mapping.hpp>

namespace mamey::inline v1 {

/// A column as the database describes it.
struct found_column {
  std::string name;
  std::string type;         ///< for the provider's rules
  std::string shown;        ///< for messages
  bool identifies = false;  ///< no two rows have the same value
  bool needed = false;      ///< an insert must give it a value
};

struct found_table {
  bool exists = false;
  bool is_view = false;
  std::vector<found_column> columns;
};

/// The column types of a database for the values of members.
struct column_rules {
  bool (*fits)(column_content content, std::string_view type) = nullptr;
  std::string_view (*expected)(column_content content) = nullptr;  ///< `numeric`
};

/// Throws `unavailable` (`mapping_refused`) that names the table, every column that is missing or has another type, and the expected type.
void check_mapping(const collection& of, const found_table& found, const column_rules& rules);

}  // namespace mamey::inline v1
