#pragma once

/// @file
/// What is refused before a file is opened.

#include <mamey/persistence/sqlite/options.hpp>

namespace mamey::inline v1::sqlite_detail {

/// `options` again. Throws `unavailable` (start refused) with a sentence that names the key.
const sqlite_options& checked(const sqlite_options& options, const sqlite_environment& environment);

}  // namespace mamey::inline v1::sqlite_detail
