#pragma once

/// @file
/// The messages of one application: its handlers as subscriptions, its transport, and what an operator sees of them.

#include <chrono>
#include <memory>

#include <mamey/cqrs/pipeline.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/host/detail/engine_choice.hpp>
#include <mamey/host/detail/failure_levels.hpp>
#include <mamey/messaging/message_endpoint.hpp>

namespace mamey::inline v1 {

/// What is pointed to outlives the flow.
struct message_flow_parts {
  environment around;
  engine_choice engines;
  const upcasters* lifts = nullptr;
  const handler_registry* handlers = nullptr;
  pipeline* runs = nullptr;
  store* module_store = nullptr;      ///< null: the application has none
  std::shared_ptr<transport> shared;  ///< what several applications of the process share; null: this one is alone
  naming_conventions names;
  failure_levels failures;
  bool alone = false;  ///< see message_endpoint_parts
};

class message_flow {
 public:
  /// Throws `error` when options contradict.
  explicit message_flow(message_flow_parts parts);
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
