#pragma once

/// @file
/// What a configuration asks for and nothing here does. Files of .NET services ask for much that does not exist here (yet): the operator
/// who starts such a service must not believe that it is guarded, or found, or observed.

#include <string>

#include <mamey/core/configuration.hpp>

namespace mamey::inline v1 {

/// In one line each, with places: what promises protection or output and is not in effect, and the enabled sections that nobody has read
/// until now. Empty: nothing of the kind.
struct unmet_requests {
  std::string not_in_effect, unread;
};
unmet_requests find_unmet(const configuration& values);

/// Whether an unknown key is one of the .NET framework's, which is no slip of the pen: `logger:seq`.
bool is_known_elsewhere(std::string_view key);

}  // namespace mamey::inline v1
