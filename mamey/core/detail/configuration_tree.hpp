#pragma once

/// @file
/// What configuration consists of: keys with a value, children, or both.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mamey::inline v1::detail {

bool same_key(std::string_view a, std::string_view b) noexcept;

/// Walks the parts of a `:`-separated path: `a::b` has three, `a:` two, the empty path one. Each may be empty, as keys of JSON may.
class path_parts {
 public:
  explicit path_parts(std::string_view path) noexcept : rest_(path) {}
  bool next(std::string_view& part) noexcept;

 private:
  std::string_view rest_;
  bool more_ = true;
};

struct configuration_node {
  enum class content : std::uint8_t { none, null, text };

  std::string key;  ///< as first spelled
  content holds = content::none;
  bool is_list = false;         ///< written as `[…]`: tells an empty list from nothing
  bool is_surrounding = false;  ///< a variable of the process whose name is a plain word (`HOME`): a value to who asks for it, nothing else
  std::string value;
  std::string origin;  ///< of the value, else of the first mention
  std::vector<configuration_node> children;

  const configuration_node* child(std::string_view name) const noexcept;
  /// Along a path; the empty one is this node.
  const configuration_node* find(std::string_view path) const noexcept;
  /// The child of that name, created if need be.
  configuration_node& at(std::string_view name, std::string_view where);
  /// Likewise along a path; the empty one is the child without a name.
  configuration_node& at_path(std::string_view path, std::string_view where);
  void set(std::string text, std::string_view where);
  /// Lays `overlay` over this node: values replace, children merge by key.
  void merge(configuration_node overlay);
};

/// Reads tolerant JSON. `source` names the text in origins and errors. Throws configuration_error.
configuration_node read_configuration_json(std::string_view json, std::string_view source);

/// The candidate that a misspelled `word` most likely means; empty if none is near. Case does not count.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace mamey::inline v1::detail
