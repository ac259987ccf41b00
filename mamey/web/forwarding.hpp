#pragma once

/// @file
/// For the framework.
/// Recognises requests that somebody else passed on.

#include <optional>
#include <string_view>

#include <mamey/http/message.hpp>

namespace mamey::inline v1::web {

/// The name of the first header by which a proxy says for whom it speaks (`X-Forwarded-For`, `Via`, …). Empty: no proxy that says so.
std::optional<std::string_view> forwarding_header(const http::request& request) noexcept;

/// Whether a header of this name is one of them.
bool is_forwarding_header(std::string_view name) noexcept;

}  // namespace mamey::inline v1::web
