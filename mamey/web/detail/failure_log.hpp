#pragma once

#include <mamey/core/error.hpp>
#include <mamey/http/message.hpp>

namespace mamey::inline v1::web::detail {

/// What the client did wrong is the client's (debug), what somebody else did is worth a warning, what we did wrong is an error, with
/// everything known of it.
void log_failure(const error_report& report, const http::request& request);

}  // namespace mamey::inline v1::web::detail
