#pragma once

/// @file
/// An OpenAPI 3.1 document of endpoints, written from the tables of their types, and a page that shows it.

#include <span>
#include <string>
#include <string_view>

#include <mamey/core/reflect.hpp>
#include <mamey/http/method.hpp>

namespace mamey::inline v1::web {

/// Section `swagger`: the reference's keys.
struct documentation_options {
  bool enabled = true;                    ///< `/openapi.json` and `/docs`
  std::string name = "v1";                ///< with `routePrefix`: the document is at `/{routePrefix}/{name}/swagger.json` as well
  std::string title;                      ///< empty: the application's name
  std::string version;                    ///< empty: the application's
  std::string route_prefix;               ///< the page is there as well
  bool include_security = false;          ///< operations take a bearer token
  bool re_doc_enabled = false;            ///< accepted and without effect: the page is ours
  bool serialize_as_open_api_v2 = false;  ///< accepted and without effect
};

/// What is to be known of one endpoint.
struct documented_endpoint {
  http_method method = http_method::get;
  std::string pattern;                 ///< as the router takes it
  std::string_view name;               ///< of the message
  std::string_view group;              ///< the module
  const type_model* input = nullptr;   ///< what route, query and body fill
  const type_model* result = nullptr;  ///< null: no body
  int status = 200;
  bool has_location = false;
  bool needs_user = false;  ///< whoever is not signed in gets a 401
  bool needs_role = false;  ///< whoever has another role gets a 403
};

/// The document as JSON. Rules become `minimum`, `maxLength`, `pattern`, `required` and so on; structs and enums become components by name.
std::string write_openapi(const documentation_options& options, std::span<const documented_endpoint> endpoints);

/// A page of its own, without outside resources, that shows the document at a url relative to it.
std::string write_documentation_page(std::string_view document_url);

}  // namespace mamey::inline v1::web
