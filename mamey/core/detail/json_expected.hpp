#pragma once

#include <string>
#include <string_view>

#include <mamey/core/error.hpp>
#include <mamey/core/reflect.hpp>

namespace mamey::inline v1::json::detail {

/// The violation for a number that its type cannot hold; it says from where to where.
violation out_of_range(const type_model& model, std::string path, std::string_view got);

}  // namespace mamey::inline v1::json::detail
