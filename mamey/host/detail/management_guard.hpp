#pragma once

/// @file
/// Decides who is an operator: a caller that may change levels, see messages, and read the details of health.

#include <string>
#include <string_view>

#include <mamey/host/detail/options.hpp>
#include <mamey/http/message.hpp>

namespace mamey::inline v1 {

/// Why a request is not the operator's, as a sentence; empty when it is. With `management:apiKey` its key decides. Without one the request
/// must have been made on this machine and for it: a proxy, a sidecar or a page in a browser here speaks for somebody else, and so its peer
/// address says nothing.
std::string refusal_of_management(const http::request& request, const management_options& options);

/// Throws `web::http_error` 401 (no key, a wrong one) or `forbidden` for a request that is not the operator's.
void require_management(const http::request& request, const management_options& options);

/// Equal time for equal lengths, wherever the difference is.
bool same_secret(std::string_view left, std::string_view right);

}  // namespace mamey::inline v1
