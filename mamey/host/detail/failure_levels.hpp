#pragma once

/// @file
/// What the modules and the configuration say about failures of messages, as one: checked against the handlers that there are.

#include <memory>
#include <string>
#include <string_view>

#include <mamey/core/configuration.hpp>
#include <mamey/cqrs/registry.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/messaging/failure_plan.hpp>

namespace mamey::inline v1 {

/// Throws configuration_error or `error` (internal) for a rule of a handler or message type that the application does not have, and for two
/// modules with a rule of the same name; validation_error for retries that outlast the inbox.
failure_levels failure_levels_of(const application_definition& of, const handler_registry& handlers, const configuration& values);

/// Logs what is likely not meant: retries declared in code that give way to a setting for all messages, and a code of errors that looks like
/// a misspelling.
void tell_of_failure_levels(const failure_levels& levels, const std::string& application, const configuration& values);

/// Rules name codes of errors, which nobody lists: a code that fails and looks like one with a rule is logged once.
class codes_without_rule {
 public:
  explicit codes_without_rule(const failure_levels& levels);
  ~codes_without_rule();
  codes_without_rule(const codes_without_rule&) = delete;
  codes_without_rule& operator=(const codes_without_rule&) = delete;
  void met(std::string_view code);  ///< any thread

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace mamey::inline v1
