#pragma once

/// @file
/// For the framework.
/// An OpenAPI 3.1 document of endpoints, written from the tables of their types. documentation_page.hpp shows it.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/core/reflect.hpp>
#include <mamey/http/method.hpp>

namespace mamey::inline v1::web {

/// Section `swagger`: the keys of .NET Mamey (Convey).
struct documentation_options {
  bool enabled = true;      ///< serves `/openapi.json` and `/docs`
  std::string name = "v1";  ///< with `routePrefix`: the document is also at `/{routePrefix}/{name}/swagger.json`
  std::string title;        ///< title of the document; empty: the application's name
  std::string version;      ///< version of the document; empty: the application's version
  std::string
      route_prefix;  ///< the page is also at this address. Given and empty, or `/`: the page is the root, and the document `/{name}/swagger.json`
  bool include_security = false;          ///< operations take a bearer token
  bool re_doc_enabled = false;            ///< has no effect, which the start reports: the page is Swagger UI
  bool serialize_as_open_api_v2 = false;  ///< has no effect, which the start reports: the document is OpenAPI 3.1
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
  bool needs_user = false;  ///< a client that is not signed in gets a 401
  bool needs_role = false;  ///< a user with another role gets a 403
  std::vector<std::string> order_by =
      {};  ///< what the query parameter `orderBy` may name (`sortOrder` is then `asc` or `desc`); empty: any text
};

/// The document as JSON. Rules become `minimum`, `maxLength`, `pattern`, `required` and so on; structs and enums become components by name.
/// `server` is the way from the document to the root of the endpoints: `.` from `/openapi.json`, `../..` from `/swagger/v1/swagger.json`.
std::string write_openapi(const documentation_options& options, std::span<const documented_endpoint> endpoints,
                          std::string_view server = ".");

}  // namespace mamey::inline v1::web
