#pragma once

/// @file
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
/// Case-sensitive, as RFC 9110 §9.1 has it; unknown names are `other`.
http_method parse_method(std::string_view name) noexcept;
/// Whether doing it twice is as good as once (RFC 9110 §9.2.2): everything but POST, PATCH and `other`.
bool is_idempotent(http_method value) noexcept;

}  // namespace mamey::inline v1::http
