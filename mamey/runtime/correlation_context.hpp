#pragma once

/// @file
/// For the framework.
/// The correlation context of .NET services: JSON about the caller that is passed unchanged from service to service, over HTTP and the bus.
/// It is a claim about the user and proves nothing. Pure.

#include <string>
#include <string_view>

namespace mamey::inline v1 {

/// The form in which a received context is passed on: its text without the white space between tokens. Empty for a context without content
/// (`null`, `{}`, a number) and for a text that is not JSON.
std::string carried_context(std::string_view json);

/// The same JSON in ASCII, for a header of HTTP: other characters become `\uXXXX`. `json` comes from `carried_context` or `json::write`.
std::string ascii_json(std::string_view json);

}  // namespace mamey::inline v1
