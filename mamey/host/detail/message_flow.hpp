#pragma once

/// @file
/// The messages of one application: its handlers as subscriptions, its transport, and what an operator sees of them.

#include <chrono>
#include <memory>

#include <mamey/cqrs/pipeline.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/messaging/message_endpoint.hpp>

namespace mamey::inline v1 {

class message_flow {
 public:
  /// `shared` null: the application opens a transport of its own (see `mamey::messaging()`). References outlive the flow. Throws `error` when options contradict.
  message_flow(const environment& around, application_definition& definition, const handler_registry& handlers, pipeline& runs, store* module_store,
               std::shared_ptr<transport> shared, const naming_conventions& names);
  ~message_flow();
  message_flow(const message_flow&) = delete;
  message_flow& operator=(const message_flow&) = delete;

  /// Its start and stop steps, and its figures.
  message_endpoint& endpoint() noexcept;
  store* module_store() noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace mamey::inline v1
