#pragma once

/// @file
/// What can be known to be wrong about an application before it does anything.

#include <string>
#include <vector>

#include <mamey/cqrs/registry.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/messaging/conventions.hpp>

namespace mamey::inline v1 {

/// Throws when a module of an application without messaging declares something for the bus.
void check_needs_no_messages(const module_definition& part, const std::string& application);
/// Throws for a command behind GET.
void check_endpoints(const application_definition& of, const handler_registry& handlers);
/// Throws for a struct inside of a message whose `check` asks for services.
void check_checks(const handler_registry& handlers);
/// Throws for two messages or handlers of one name where names are what tells them apart.
void check_names(const application_definition& of, const handler_registry& handlers, const naming_conventions& names);

/// An event for other services, and the collection whose aggregates raise it.
struct raised_contract {
  const collection* by = nullptr;
  const message_info* event = nullptr;
};
/// What leaves the application when the handler saves its aggregates: contracts that they raise, unless a mapping applies to the event.
std::vector<raised_contract> raised_contracts(const handler_entry& handler, const handler_registry& handlers);

}  // namespace mamey::inline v1
