#pragma once

/// @file
/// For the framework.
/// A page on which people read an OpenAPI document and try its requests: Swagger UI, which is part of the library.

#include <string>
#include <vector>

#include <mamey/web/router.hpp>

namespace mamey::inline v1::web {

/// Where a page is and what it shows.
struct documentation_page {
  std::string pattern;   ///< of the page: `/docs`, or `/`. Its files are below it
  std::string document;  ///< the path of the document: `/openapi.json`. The page refers to it relatively, so that both may stand behind a
                         ///< prefix of a gateway
  std::string title;     ///< for the window
};

/// The routes of the page and of its files. Nothing in them runs or loads what another origin has (Content-Security-Policy, without
/// `unsafe-inline`). In a build with MAMEY_DOCS_PAGE=OFF there is one route: a 404 that says so and where the document is.
std::vector<route> documentation_page_routes(const documentation_page& page);

}  // namespace mamey::inline v1::web
