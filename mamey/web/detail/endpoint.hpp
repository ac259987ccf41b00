#pragma once

#include <string_view>

#include <mamey/web/server.hpp>

namespace mamey::inline v1::web::detail {

/// `http://*:5000`. Throws std::invalid_argument that says what is wrong.
endpoint parse_endpoint(std::string_view text);

}  // namespace mamey::inline v1::web::detail
