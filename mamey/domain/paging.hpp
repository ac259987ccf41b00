#pragma once

/// @file
/// Pages of results, with the reference's names, defaults and clamps.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace mamey::inline v1 {

/// A page as a caller asks for it. Its members stand flat in a query string: `?page=2&resultsPerPage=20&orderBy=status&sortOrder=asc`.
struct paging {
  std::int64_t page = 1;
  std::int64_t results = 0;           ///< Convey's name for resultsPerPage
  std::int64_t results_per_page = 0;
  std::string order_by;
  std::string sort_order;             ///< `asc`; everything else is descending

  static constexpr std::int64_t most = 100;
  static constexpr std::int64_t clamped(std::int64_t asked) { return asked <= 0 ? 10 : std::min(asked, most); }
  std::int64_t number() const { return std::max<std::int64_t>(page, 1); }
  std::int64_t size() const { return clamped(results_per_page > 0 ? results_per_page : results); }
  std::int64_t offset() const {
    const auto before = std::min<std::int64_t>(number() - 1, 1'000'000'000);
    return before * size();
  }
  bool ascending() const { return sort_order == "asc"; }
};

/// One page of `T`. On the wire as the reference's PagedResult: `items`, `isEmpty`, `isNotEmpty`, `currentPage`, `resultsPerPage`, `totalPages`, `totalResults`.
template <class T>
struct page {
  std::vector<T> items;
  bool is_empty = true;
  bool is_not_empty = false;
  std::int64_t current_page = 1;
  std::int64_t results_per_page = 10;
  std::int64_t total_pages = 0;
  std::int64_t total_results = 0;

  static page of(std::vector<T> found, const paging& asked, std::int64_t total) {
    const bool empty = found.empty();
    return {.items = std::move(found), .is_empty = empty, .is_not_empty = !empty, .current_page = asked.number(), .results_per_page = asked.size(),
            .total_pages = (total + asked.size() - 1) / asked.size(), .total_results = total};
  }

  /// The same page of other items.
  template <class Function>
  auto map(Function function) const {
    page<std::invoke_result_t<Function, const T&>> mapped{.items = {}, .is_empty = is_empty, .is_not_empty = is_not_empty, .current_page = current_page,
                                                          .results_per_page = results_per_page, .total_pages = total_pages, .total_results = total_results};
    mapped.items.reserve(items.size());
    for (const auto& item : items) mapped.items.push_back(function(item));
    return mapped;
  }
};

/// The next page as a caller asks for it who goes from page to page: `?after=…&resultsPerPage=20&orderBy=status&sortOrder=asc`. What comes and goes meanwhile
/// moves nothing: no item is seen twice or left out, and the thousandth page costs what the first one does. There is no way to jump to a page, and no total.
struct cursor_paging {
  std::string after;                  ///< `cursor_page::next` of the page before, asked for in the same order; empty: the first page
  std::int64_t results = 0;           ///< Convey's name for resultsPerPage
  std::int64_t results_per_page = 0;
  std::string order_by;
  std::string sort_order;             ///< `asc`; everything else is descending

  std::int64_t size() const { return paging::clamped(results_per_page > 0 ? results_per_page : results); }
  bool ascending() const { return sort_order == "asc"; }
};

/// One page of `T`, and where the next one begins.
template <class T>
struct cursor_page {
  std::vector<T> items;
  std::optional<std::string> next;  ///< to be handed back as `cursor_paging::after`; none: this was the last page

  /// The same page of other items.
  template <class Function>
  auto map(Function function) const {
    cursor_page<std::invoke_result_t<Function, const T&>> mapped{.items = {}, .next = next};
    mapped.items.reserve(items.size());
    for (const auto& item : items) mapped.items.push_back(function(item));
    return mapped;
  }
};

}  // namespace mamey::inline v1
