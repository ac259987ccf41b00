#pragma once

/// @file
/// For services.
/// What an endpoint answers when its handler succeeds.

#include <string>

#include <mamey/http/method.hpp>

namespace mamey::inline v1 {

/// The success answer of an endpoint. Default: 200; a query's result as JSON, 404 for an empty optional; a command's result as JSON, or no body.
struct answer {
  int status = 200;
  std::string location =
      {};  ///< template of the header `Location`; `{orderId}` takes that member of the result, else of the message; `{}` takes the result itself, an id
};

/// 201 with Location: `mamey::created("/orders/{orderId}")`.
inline answer created(std::string location) { return {.status = 201, .location = std::move(location)}; }
/// 202: the work goes on.
inline answer accepted() { return {.status = 202, .location = {}}; }
inline answer no_content() { return {.status = 204, .location = {}}; }

}  // namespace mamey::inline v1
