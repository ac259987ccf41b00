#pragma once

/// @file
/// For services.
/// Pages of results, with the names, defaults and bounds of .NET Mamey (Convey).

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace mamey::inline v1 {

/// A request for one page. Its members stand directly in a query string: `?page=2&resultsPerPage=20&orderBy=status&sortOrder=asc`.
struct paging {
  std::int64_t page = 1;
  std::int64_t results = 0;  ///< Convey's name for resultsPerPage
  std::int64_t results_per_page = 0;
  std::string order_by = {};    ///< a member, in any case; a member without an index only for a small number of documents
  std::string sort_order = {};  ///< `asc`; everything else is descending

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

/// One page of `T`. On the wire as PagedResult of .NET Mamey (Convey): `items`, `isEmpty`, `isNotEmpty`, `currentPage`, `resultsPerPage`,
/// `totalPages`, `totalResults`.
template <class T>
struct page {
  std::vector<T> items;
  bool is_empty = true;
  bool is_not_empty = false;
  std::int64_t current_page = 0;  ///< the requested page, at most `total_pages`: 0 where nothing was found
  std::int64_t results_per_page = 0;
  std::int64_t total_pages = 0;
  std::int64_t total_results = 0;

  static page of(std::vector<T> found, const paging& asked, std::int64_t total) {
    const bool empty = found.empty();
    const auto pages = (total + asked.size() - 1) / asked.size();
    return {.items = std::move(found),
            .is_empty = empty,
            .is_not_empty = !empty,
            .current_page = std::min(asked.number(), pages),
            .results_per_page = asked.size(),
            .total_pages = pages,
            .total_results = total};
  }

  /// The same page of other items.
  template <class Function>
  auto map(Function function) const {
    page<std::invoke_result_t<Function, const T&>> mapped{.items = {},
                                                          .is_empty = is_empty,
                                                          .is_not_empty = is_not_empty,
                                                          .current_page = current_page,
                                                          .results_per_page = results_per_page,
                                                          .total_pages = total_pages,
                                                          .total_results = total_results};
    mapped.items.reserve(items.size());
    for (const auto& item : items) mapped.items.push_back(function(item));
    return mapped;
  }
};

/// A request to continue after a known item: `?after=…&resultsPerPage=20&orderBy=status&sortOrder=asc`. Items that are added or removed
/// meanwhile shift no page: no item is repeated or left out, and the thousandth page costs as much as the first. A caller cannot go to a
/// page by its number, and gets no total.
struct cursor_paging {
  std::string after;         ///< `cursor_page::next` of the previous page, which must have the same order; empty: the first page
  std::int64_t results = 0;  ///< Convey's name for resultsPerPage
  std::int64_t results_per_page = 0;
  std::string order_by = {};
  std::string sort_order = {};  ///< `asc`; everything else is descending

  std::int64_t size() const { return paging::clamped(results_per_page > 0 ? results_per_page : results); }
  bool ascending() const { return sort_order == "asc"; }
};

/// One page of `T`, and the place where the next page begins.
template <class T>
struct cursor_page {
  std::vector<T> items;
  std::optional<std::string> next;  ///< pass it as `cursor_paging::after`; none: this was the last page

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
