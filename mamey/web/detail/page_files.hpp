#pragma once

/// @file
/// The files of the page that shows an OpenAPI document: Swagger UI and what is our own. They are in the library, packed with gzip.

#include <span>
#include <string_view>
#include <vector>

#include <mamey/web/documentation_page.hpp>

namespace mamey::inline v1::web::detail {

struct page_file {
  std::string_view name;    ///< `swagger-ui.css`
  std::string_view type;    ///< for Content-Type
  std::string_view packed;  ///< gzip
};

/// Empty in a build with MAMEY_DOCS_PAGE=OFF.
std::span<const page_file> page_files() noexcept;

/// `documentation_page_routes` with these files.
std::vector<route> page_routes(const documentation_page& page, std::span<const page_file> files);

}  // namespace mamey::inline v1::web::detail
