#pragma once

/// @file
/// Which values must not be shown, and what is shown instead. Configuration uses it; anything that prints names and values may.

#include <string>
#include <string_view>

namespace mamey::inline v1 {

/// What stands in place of a secret.
inline constexpr std::string_view secret_mask = "*****";

/// Whether a name says that its value is a secret: `password`, `jwt:issuerSigningKey`, `API_KEY`, `vault:token`. Of a path separated by
/// `:`, `.` or `__`, the last part decides, or one before it that names a secret as a whole (`secrets:database`). Case and separators
/// inside a word do not matter.
bool is_secret_name(std::string_view name);

/// `value` as it may be shown under `name`: all of it masked for a secret name; otherwise only the secret parts of a connection string or
/// URI
/// (`Password=…;`, `user:…@host`).
std::string masked(std::string_view name, std::string_view value);

}  // namespace mamey::inline v1
