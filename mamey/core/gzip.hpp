#pragma once

/// @file
/// For features and services.
/// What was packed with gzip (RFC 1952): bodies of messages, files of the library itself. Pure.

#include <cstddef>
#include <string>
#include <string_view>

namespace mamey::inline v1 {

inline constexpr std::size_t most_unpacked_bytes = 16 << 20;  ///< a few bytes may unpack to gigabytes

/// Throws domain_error `unreadable_encoding` when it is damaged, or larger than `most` bytes unpacked.
std::string unpacked_gzip(std::string_view body, std::size_t most = most_unpacked_bytes);

}  // namespace mamey::inline v1
