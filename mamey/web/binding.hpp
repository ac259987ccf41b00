#pragma once

/// @file
/// For the framework.
/// From a request to one struct: route values win over the query string, and that over the JSON body.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/core/reflect.hpp>
#include <mamey/http/message.hpp>

namespace mamey::inline v1::web {

enum class body_use : std::uint8_t {
  when_present,  ///< POST, PUT, PATCH and everything with a body
  never,         ///< GET, HEAD, DELETE: what comes is not looked at
};

struct binding_options {
  body_use body = body_use::when_present;
  bool body_without_type = false;  ///< a body that says nothing of its type is taken for JSON
};

/// The use of a body that goes with a method.
body_use body_of(http_method method) noexcept;

/// Fills the object and answers every violation of form and of the type's rules, each with its path; empty means success.
///  - Members are found by wire name in any case. In route and query the members of a nested struct stand flat beside the outer ones
///    (`?page=2` for `paging.page`; `paging.page=2` does as well); the outer wins. A repeated query key adds to a list, for anything else
///    it is a violation.
///  - The body must be JSON and say so: another Content-Type, none, or a Content-Encoding throws http_error 415. (A page elsewhere can make a
///    browser send a body without a type, and no preflight would ask us.) A name that comes twice in it is refused. Without a
///    body, members that it alone could bring must be optional or generated: `body_missing`.
///  - Names that no member has are ignored, unless the type is strict.
/// Throws http_error.
std::vector<violation> bind(const http::request& request, const type_model& model, void* object, const binding_options& options = {});

/// The members that a route parameter or query key can name, nested ones without what they stand in: `orderId`, `paging`, `page`.
std::vector<std::string_view> bindable_names(const type_model& model);

/// A fresh T. Throws validation_error with every violation.
template <class T>
T bind(const http::request& request, const binding_options& options) {
  T value{};
  if (auto found = bind(request, model_of<T>(), &value, options); !found.empty()) throw validation_error(std::move(found));
  return value;
}
template <class T>
T bind(const http::request& request) {
  return bind<T>(request, {.body = body_of(request.method())});
}

}  // namespace mamey::inline v1::web
