#pragma once

/// @file
/// For features and services.
/// Decides which values must not be shown, and masks them. Configuration uses it; other code that prints names and values may use it too.

#include <string>
#include <string_view>

namespace mamey::inline v1 {

/// The text in place of a secret.
inline constexpr std::string_view secret_mask = "*****";

/// Whether a name says that its value is a secret: `password`, `jwt:issuerSigningKey`, `API_KEY`, `vault:token`. Of a path separated by
/// `:`, `.` or `__`, the last part decides, or one before it that names a secret as a whole (`secrets:database`). Case and separators
/// inside a word do not matter.
bool is_secret_name(std::string_view name);

/// The form of `value` that may be shown under `name`. For a secret name all of it is masked; otherwise only the secret parts of a
/// connection string or URI (`Password=…;`, `user:…@host`).
std::string masked(std::string_view name, std::string_view value);

}  // namespace mamey::inline v1
