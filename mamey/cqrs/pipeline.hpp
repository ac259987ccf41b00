#pragma once

/// @file
/// Runs handlers: the steps around them, their unit of work, its commit.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/cqrs/behaviour.hpp>
#include <mamey/cqrs/dispatcher.hpp>
#include <mamey/cqrs/registry.hpp>
#include <mamey/messaging/conventions.hpp>
#include <mamey/messaging/handling.hpp>

namespace mamey::inline v1 {

namespace metrics { class registry; }
struct principal;

/// How messages of this application leave it.
struct outgoing_rules {
  std::string service;  ///< the application's name: `source` of its messages
  naming_conventions names;
};

/// The user an envelope carries; null: anonymous. Only for envelopes of senders that are trusted to tell.
std::shared_ptr<const principal> user_of(const envelope& message);

/// The envelope of `message`: names by convention, JSON body, correlation, trace, tenant and user of the ambient context. The id is fresh.
envelope make_envelope(const recorded_message& message, const outgoing_rules& rules);

struct pipeline_options {
  outgoing_rules outgoing;
  std::chrono::milliseconds transaction_bound{10'000};  ///< of an interactive unit of work
  int most_domain_events = 1000;                        ///< raised by one unit of work, directly and by its domain handlers
};

/// Makes or finds the message, called once authorization has been passed: binds a request, reads a body. Validates; throws validation_error. What it returns
/// outlives the run.
using message_source = std::function<const void*()>;

class pipeline final : public dispatcher {
 public:
  /// `module_store` may be null: then handlers have no repositories, and messages go out by `publish_through`. All references outlive the pipeline.
  pipeline(service_provider& provider, const handler_registry& handlers, store* module_store, metrics::registry& metrics, pipeline_options options);
  ~pipeline() override;

  /// Own behaviours, outermost first. Before the first message only.
  void use(std::vector<behaviour*> behaviours);

  /// For a module without a store: takes the messages of a handler that has succeeded; what it throws, the handler's caller gets. Before the first message.
  void publish_through(std::function<void(std::vector<envelope>)> send);

  /// For a command or query from inside the process. Validates.
  void dispatch(const message_info& message, const void* object, const result_sink& sink) override;

  /// Runs one handler. With `received`, its inbox row and finished rows go into the same commit.
  handling_result run(const handler_entry& handler, const message_source& message, const result_sink& sink, handling_context* received = nullptr);

  /// The event that says `message` was refused, if its module declared one.
  std::optional<envelope> rejection_of(const handler_entry& handler, const void* message, const error_report& reason) const;

  const pipeline_options& options() const noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace mamey::inline v1
