#pragma once

/// @file
/// JSON put together from parts that are JSON already.

#include <string>
#include <string_view>

#include <mamey/core/json.hpp>

namespace mamey::inline v1::web::detail {

inline std::string quoted(std::string_view text) {
  std::string out;
  json::write_text(out, text);
  return out;
}

class json_object {
 public:
  json_object& add(std::string_view key, std::string_view value) {
    if (!text_.empty()) text_ += ',';
    json::write_text(text_, key);
    text_.append(":").append(value);
    return *this;
  }
  json_object& add_text(std::string_view key, std::string_view value) { return add(key, quoted(value)); }
  bool empty() const noexcept { return text_.empty(); }
  std::string text() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

class json_array {
 public:
  json_array& add(std::string_view value) {
    if (!text_.empty()) text_ += ',';
    text_ += value;
    return *this;
  }
  bool empty() const noexcept { return text_.empty(); }
  std::string text() const { return "[" + text_ + "]"; }

 private:
  std::string text_;
};

}  // namespace mamey::inline v1::web::detail
