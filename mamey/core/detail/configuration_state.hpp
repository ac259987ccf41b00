#pragma once

/// @file
/// What a configuration holds.

#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/core/configuration.hpp>
#include <mamey/core/detail/configuration_tree.hpp>

namespace mamey::inline v1 {

struct configuration::state {
  detail::configuration_node root;

  /// A plain word that no layer before has given is only of the surroundings.
  void set_variable(std::string_view path, std::string_view value, const std::string& source);

  // Learnt by const members, from any thread.
  std::mutex mutex;
  std::vector<configuration_problem> warnings;
  std::set<std::string, std::less<>> bound;  ///< sections somebody asked for
};

}  // namespace mamey::inline v1
