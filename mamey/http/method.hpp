#pragma once

/// @file
/// For services.
/// The request methods of HTTP that a service has routes for.

#include <cstdint>
#include <string_view>

namespace mamey::inline v1 {

/// `other`: a method without routes here (TRACE, CONNECT, PROPFIND, …).
enum class http_method : std::uint8_t { get, head, post, put, patch, del, options, other };
inline constexpr std::size_t http_method_count = 8;

}  // namespace mamey::inline v1

namespace mamey::inline v1::http {

/// `GET`, `DELETE`, …; empty for `other`.
std::string_view name_of(http_method value) noexcept;
/// Case-sensitive (RFC 9110 §9.1); unknown names are `other`.
http_method parse_method(std::string_view name) noexcept;
/// Whether the method is idempotent (RFC 9110 §9.2.2): all except POST, PATCH and `other`.
bool is_idempotent(http_method value) noexcept;

}  // namespace mamey::inline v1::http
