#pragma once

/// @file
/// The sections of the configuration that an application reads for itself, and what is said of all the others.

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mamey/core/configuration.hpp>
#include <mamey/host/detail/options.hpp>
#include <mamey/http/client.hpp>
#include <mamey/messaging/bus_naming.hpp>
#include <mamey/web/openapi.hpp>
#include <mamey/web/server.hpp>

namespace mamey::inline v1 {

struct application_settings {
  app_options app;
  web::server_options server;
  shutdown_options shutdown;
  management_options management;
  persistence_options persistence;  ///< `store` is engine_choice's to read
  prometheus_options prometheus;    ///< `enabled`: what `metrics` says, too
  web::documentation_options documentation;
  bus_naming naming;
};

/// Puts `defaults` where `values` says nothing.
void add_defaults(const std::vector<std::pair<std::string, std::string>>& defaults, configuration& values);

/// Reads the sections; unknown keys of theirs are logged as warnings. Throws configuration_error.
application_settings read_settings(const std::string& application, const configuration& values);

/// Section `httpClient`. `neighbours`: the other applications of the process, whose addresses are known later. Throws configuration_error.
http::client_options read_client_options(const configuration& values, std::span<const std::string> neighbours = {});

/// Logs each once, although several readers of a section find the same; not the keys of .NET that have no effect here.
void warn_of(const std::vector<configuration_problem>& problems);

/// The parts check the values of their sections only. The reader of their sentence also needs the line:
/// ` (messaging:concurrency is set by ./appsettings.json:3)` for each setting it names as `messaging.concurrency`.
std::string places_of(std::string_view sentence, const configuration& values);

}  // namespace mamey::inline v1
