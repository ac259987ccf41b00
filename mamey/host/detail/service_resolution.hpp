#pragma once

/// @file
/// How names of services become addresses in an application.

#include <string>

#include <mamey/host/doors.hpp>

namespace mamey::inline v1 {

/// Gives the client of `around` the resolver that `type` (`httpClient:type`) names; nothing for an empty one. Names of .NET without a resolver here are logged and
/// degrade the service. Throws configuration_error for a name that nobody knows.
void choose_resolver(const feature_doors& doors, const std::string& type, const environment& around);

}  // namespace mamey::inline v1
