#pragma once

/// @file
/// The values of section `logger` that .NET services replace silently by a default: here they are replaced with a warning, where that is
/// harmless.

#include <string>
#include <vector>

#include <mamey/core/configuration.hpp>
#include <mamey/observability/logging.hpp>

namespace mamey::inline v1 {

/// The section as bound. Where .NET takes Information for a level that is none (`trace`, `info`, nothing) and a day for an interval that is
/// none (`weekly`), it is taken here, too, with a warning added to `warnings`; a blank file path is the default one. Throws
/// configuration_error for every other wrong value, with the list.
log_options read_logger_section(configuration& values, std::vector<configuration_problem>& warnings);

}  // namespace mamey::inline v1
