#pragma once

/// @file
/// `?` in plain SQL as PostgreSQL's `$1`, so that a statement can be the same on every database.

#include <cstddef>
#include <string>
#include <string_view>

namespace mamey::inline v1::postgres_detail {

struct numbered_sql {
  std::string text;
  std::size_t parameters = 0;
};

/// Numbers each `?` outside strings, quoted names and comments; `??` is the operator `?`. A statement that has `$1` already stays as it is.
numbered_sql number_placeholders(std::string_view sql);

/// From its first word on: blanks, comments and empty statements before it say nothing.
std::string_view without_leading_comments(std::string_view sql);

}  // namespace mamey::inline v1::postgres_detail
