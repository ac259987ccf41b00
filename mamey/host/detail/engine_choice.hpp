#pragma once

/// @file
/// Which of the stores and transports that features brought an application uses.

#include <cstdint>
#include <string>

#include <mamey/host/definition.hpp>

namespace mamey::inline v1 {

class configuration;

struct engine_choice {
  const offered<std::unique_ptr<mamey::store>>* store = nullptr;          ///< null: the application has none
  const offered<std::unique_ptr<durable_queues>>* queues = nullptr;       ///< carry its messages, unless null
  const offered<std::shared_ptr<mamey::transport>>* transport = nullptr;  ///< likewise; neither: this process does
  std::string in_words;  ///< `stores in postgres (postgres:connectionString is set by appsettings.json:3), …`, for the log
};

/// `process_is_shared`: the process carries messages between several applications. Throws configuration_error where the configuration names what is not there,
/// or contradicts itself. The choice refers to `definition`.
engine_choice choose_engines(const application_definition& definition, const configuration& values, bool process_is_shared);

}  // namespace mamey::inline v1
