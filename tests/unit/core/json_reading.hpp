#pragma once

/// @file
/// What the tests of reading JSON read into, and how they tell what was found.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/core/decimal.hpp>
#include <mamey/core/json.hpp>
#include <mamey/core/uuid.hpp>

namespace json_reading {

namespace json = mamey::json;

enum class status { placed, in_delivery };

struct line {
  std::string sku;
  int quantity = 1;
};

struct order {
  mamey::uuid order_id;
  std::vector<line> lines;
  std::optional<std::string> note;
  status state = status::placed;
  mamey::decimal total = 5;
  std::map<std::string, int> counts;
  bool urgent = false;
  double weight = 0.5;
  json::raw extra;
};

template <class T>
struct holding {
  T value{};
};

/// Reads into `object` and joins what was found: `path code; …`.
template <class T>
std::string read(std::string_view text, T& object, const json::read_options& options = {}) {
  std::string found;
  for (const auto& violation : json::read(text, mamey::model_of<T>(), &object, options)) {
    found += (found.empty() ? "" : "; ") + violation.path + ' ' + violation.code;
  }
  return found;
}

template <class T>
std::string messages(std::string_view text) {
  T object{};
  std::string found;
  for (const auto& violation : json::read(text, mamey::model_of<T>(), &object)) {
    found += (found.empty() ? "" : "; ") + (violation.path.empty() ? "" : violation.path + ": ") + violation.message;
  }
  return found;
}

}  // namespace json_reading
