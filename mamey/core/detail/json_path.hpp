#pragma once

/// @file
/// Where in a value a reader or a rule is: a chain on the stack that becomes text (`lines[2].quantity`) only when something is wrong.

#include <cstddef>
#include <string>
#include <string_view>

namespace mamey::inline v1::detail {

struct value_path {
  const value_path* parent = nullptr;
  std::string_view name;  ///< of a member or a dictionary's key
  std::size_t index = 0;  ///< of a list's element
  bool is_element = false;

  value_path of_member(std::string_view member) const noexcept { return {.parent = this, .name = member}; }
  value_path of_element(std::size_t element) const noexcept { return {.parent = this, .index = element, .is_element = true}; }

  void append_to(std::string& out) const {
    if (!parent) return;  // the outermost value has no name
    parent->append_to(out);
    if (is_element) {
      out += '[' + std::to_string(index) + ']';
    } else {
      if (!out.empty()) out += '.';
      out += name;
    }
  }
  std::string text() const {
    std::string out;
    append_to(out);
    return out;
  }
};

}  // namespace mamey::inline v1::detail
