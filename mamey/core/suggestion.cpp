#include <mamey/core/suggestion.hpp>

#include <mamey/core/detail/configuration_tree.hpp>

namespace mamey::inline v1 {

std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates) {
  const auto meant = detail::nearest(word, candidates);
  return meant.empty() ? std::string() : ": did you mean " + std::string(meant) + "?";
}

}  // namespace mamey::inline v1
