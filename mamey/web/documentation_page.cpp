#include <mamey/web/documentation_page.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <utility>

#include <mamey/core/gzip.hpp>
#include <mamey/core/percent.hpp>
#include <mamey/core/text.hpp>
#include <mamey/web/detail/page_files.hpp>
#include <mamey/web/problem.hpp>

namespace mamey::inline v1::web {
namespace {

constexpr std::string_view policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

/// Calls `take` with each element of all fields of that name, which are one list.
template <class Function>
void for_each_element(const http::request& request, std::string_view name, Function take) {
  for (const auto& field : request.headers()) {
    if (!equal_ignoring_case(field.name, name)) continue;
    for (auto rest = field.value; !rest.empty();) {
      const auto comma = std::min(rest.find(','), rest.size());
      take(trimmed(rest.substr(0, comma)));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
}

/// RFC 9110 §12.5.3. A weight of 0 refuses; what is named counts for more than `*`.
bool accepts_gzip(const http::request& request) {
  enum class word { none, yes, no };
  word named = word::none, any = word::none;
  for_each_element(request, "Accept-Encoding", [&](std::string_view element) {
    const auto semicolon = std::min(element.find(';'), element.size());
    const auto coding = trimmed(element.substr(0, semicolon));
    const auto weight = trimmed(element.substr(std::min(semicolon + 1, element.size())));
    const bool refused = weight.starts_with("q=0") && weight.find_first_not_of("0.", 2) == std::string_view::npos;
    const auto said = refused ? word::no : word::yes;
    if (equal_ignoring_case(coding, "gzip") || equal_ignoring_case(coding, "x-gzip")) named = said;
    if (coding == "*") any = said;
  });
  return named == word::none ? any == word::yes : named == word::yes;
}

bool knows(const http::request& request, std::string_view tag) {
  bool known = false;
  for_each_element(request, "If-None-Match", [&](std::string_view element) {
    if (element.starts_with("W/")) element.remove_prefix(2);
    known = known || element == tag || element == "*";
  });
  return known;
}

/// Of the bytes' FNV-1a hash: it changes with the build that changes the bytes.
std::string tag_of(std::string_view bytes) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
  return digits;
}

std::string html_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

void set_common(http::response& response, std::string_view tag) {
  // Asked for anew each time, and mostly answered with 304: a page of another version than its script would be worse than a round trip.
  response.set_header("ETag", tag).set_header("Cache-Control", "no-cache").set_header("X-Content-Type-Options", "nosniff");
}

route_function serve(const detail::page_file& file) {
  const auto hash = tag_of(file.packed);
  return [file, plain = "\"" + hash + "\"", packed = "\"" + hash + "-gzip\""](http::request& request, http::response& response) {
    const bool packs = accepts_gzip(request);
    const auto& tag = packs ? packed : plain;
    set_common(response, tag);
    response.set_header("Vary", "Accept-Encoding");
    if (knows(request, tag)) {
      response.set_status(304);
      return;
    }
    if (packs) response.set_header("Content-Encoding", "gzip");
    response.set_body(file.type, packs ? file.packed : unpacked_gzip(file.packed));
  };
}

route_function serve_page(std::string html, std::string last_segment) {
  const auto tag = "\"" + tag_of(html) + "\"";
  return [html = std::move(html), last_segment = std::move(last_segment), tag](http::request& request, http::response& response) {
    if (!last_segment.empty() && request.path().ends_with('/')) {  // what the page refers to is beside it, not below that
      response.set_status(308).set_header("Location", "../" + last_segment);
      return;
    }
    set_common(response, tag);
    response.set_header("Content-Security-Policy", policy).set_header("Referrer-Policy", "no-referrer");
    if (knows(request, tag))
      response.set_status(304);
    else
      response.set_body("text/html; charset=utf-8", html);
  };
}

/// The way from a page to a path: `/api/docs` and `/api/docs/v1/swagger.json` ⇒ `docs/v1/swagger.json`.
std::string relative(std::string_view page, std::string_view path) {
  const auto folder = page.substr(0, page.rfind('/') + 1);
  std::size_t common = 0;
  for (std::size_t i = 0; i < std::min(folder.size(), path.size()) && folder[i] == path[i]; ++i) {
    if (folder[i] == '/') common = i + 1;
  }
  std::string out;
  for (auto up = std::ranges::count(folder.substr(common), '/'); up > 0; --up) out += "../";
  if (out.empty()) out = "./";  // or a colon in the first segment would end a scheme
  percent_encode(out, path.substr(common), "/");
  return out;
}

std::string write_page(const documentation_page& page) {
  const auto file = [&](std::string_view name) {
    return relative(page.pattern, (page.pattern == "/" ? "" : page.pattern) + "/" + std::string(name));
  };
  const auto document = relative(page.pattern, page.document);
  return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, "
         "initial-scale=1\">\n<title>" +
         html_escaped(page.title) + "</title>\n<link rel=\"icon\" href=\"" + file("favicon-32x32.png") +
         "\">\n<link rel=\"stylesheet\" href=\"" + file("swagger-ui.css") + "\">\n<link rel=\"stylesheet\" href=\"" + file("page.css") +
         "\">\n</head>\n<body>\n<noscript>This page needs JavaScript; the document is at <a href=\"" + document + "\">" + document +
         "</a>.</noscript>\n<div id=\"page\"></div>\n<script src=\"" + file("swagger-ui-bundle.js") + "\"></script>\n<script src=\"" +
         file("start.js") + "\" data-document=\"" + document + "\"></script>\n</body>\n</html>\n";
}

std::string encoded(std::string_view text) {
  std::string out;
  percent_encode(out, text, "");
  return out;
}

}  // namespace

std::vector<route> detail::page_routes(const documentation_page& page, std::span<const page_file> files) {
  std::vector<route> routes;
  const auto add = [&](std::string pattern, route_function handle) {
    routes.push_back({.method = http_method::get,
                      .pattern = std::move(pattern),
                      .handle = std::move(handle),
                      .name = page.pattern,
                      .place = "the framework"});
  };
  if (files.empty()) {
    add(page.pattern, [document = page.document](http::request&, http::response&) {
      throw http_error(404, "page_left_out",
                       "this program was built without the page (MAMEY_DOCS_PAGE=OFF); the OpenAPI document is at " + document);
    });
    return routes;
  }
  add(page.pattern, serve_page(write_page(page), encoded(page.pattern.substr(page.pattern.rfind('/') + 1))));
  for (const auto& each : files) add((page.pattern == "/" ? "" : page.pattern) + "/" + std::string(each.name), serve(each));
  return routes;
}

std::vector<route> documentation_page_routes(const documentation_page& page) { return detail::page_routes(page, detail::page_files()); }

}  // namespace mamey::inline v1::web
