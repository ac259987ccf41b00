#pragma once

/// @file
/// The sections of the configuration that an application reads for itself, and what is said of all the others.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mamey/core/configuration.hpp>
#include <mamey/host/detail/options.hpp>
#include <mamey/messaging/conventions.hpp>
#include <mamey/web/openapi.hpp>
#include <mamey/web/server.hpp>

namespace mamey::inline v1 {

struct application_settings {
  app_options app;
  web::server_options server;
  shutdown_options shutdown;
  management_options management;
  web::documentation_options documentation;
  naming_conventions naming;
};

/// Where a value of `application::setting` comes from, as messages say it.
inline constexpr std::string_view default_origin = "default of the application";

/// Puts `defaults` where `values` says nothing and reads the sections; unknown keys of theirs are logged as warnings. Throws configuration_error.
application_settings read_settings(const std::string& application, const std::vector<std::pair<std::string, std::string>>& defaults, configuration& values);

/// Logs each once, although several readers of a section find the same.
void warn_of(const std::vector<configuration_problem>& problems);

/// The parts check their sections knowing values only. Whoever reads their sentence wants the line: ` (messaging:concurrency is set by ./appsettings.json:3)` for
/// each setting it names as `messaging.concurrency`.
std::string places_of(std::string_view sentence, const configuration& values);

}  // namespace mamey::inline v1
