#pragma once

/// @file
/// For the framework.
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
#include <mamey/messaging/document_store.hpp>
#include <mamey/messaging/handling.hpp>

namespace mamey::inline v1 {

namespace metrics {
class registry;
}
struct principal;

/// How messages of this application leave it.
struct outgoing_rules {
  std::string service;  ///< the application's name: `source` of its messages
  naming_conventions names;
  bool with_context = false;  ///< `rabbitMq:context:enabled`: messages carry their user in a correlation context, for .NET services
};

/// The user in an envelope; null: anonymous. Only for envelopes of trusted senders.
std::shared_ptr<const principal> user_of(const envelope& message);

/// The envelope of `message`: names by convention, JSON body, correlation, trace, tenant and user of the ambient context. The id is fresh.
envelope make_envelope(const recorded_message& message, const outgoing_rules& rules);

struct pipeline_options {
  outgoing_rules outgoing;
  std::chrono::milliseconds transaction_bound{10'000};  ///< of an interactive unit of work
  int most_domain_events = 1000;                        ///< raised by one unit of work, directly and by its domain handlers
  bool refuse_unreadable = false;  ///< a list with a row that cannot be read fails; otherwise the row is left out, logged and counted
  bool refuses_unsaved_changes =
      false;  ///< an aggregate that was changed and not saved afterwards: an error instead of a warning, for tests
  bool refuses_waits_in_transactions =
      false;                         ///< a handler that waits while its transaction is open: an error instead of a warning, for tests
  delayed_store* delayed = nullptr;  ///< where `delayed_messages` looks; outlives the pipeline; null: handlers that ask for it are refused
  bool sends = true;                 ///< false: nothing sends messages from the store, and a warning is logged
};

/// Makes the message after authorization has succeeded: binds a request, reads a body. Validates; throws validation_error. The returned
/// object outlives the run.
using message_source = std::function<const void*()>;

/// Places in the handler's scope what its caller offers, such as the headers of a request. Called for each attempt.
using scope_filler = std::function<void(scope&)>;

class pipeline final : public dispatcher {
 public:
  /// `module_store` may be null: then handlers have no repositories, and `publish_through` sends their messages. All references outlive the
  /// pipeline.
  pipeline(service_provider& provider, const handler_registry& handlers, document_store* module_store, metrics::registry& metrics,
           pipeline_options options);
  ~pipeline() override;

  /// Own behaviours, outermost first. Before the first message only.
  void use(std::vector<behaviour*> behaviours);

  /// For a module without a store: sends the messages of a handler that has succeeded. Its exceptions reach the handler's caller. Call this
  /// before the first message.
  void publish_through(std::function<void(std::vector<envelope>)> send);

  /// For a command or query from inside the process. Validates.
  void dispatch(const message_info& message, const void* object, const result_sink& sink) override;

  /// Runs one handler. With `received`, its inbox row and finished rows go into the same commit.
  handling_result run(const handler_entry& handler, const message_source& message, const result_sink& sink,
                      handling_context* received = nullptr, const scope_filler& around = {});

  /// The rejected event for `message`, if its module declared one.
  std::optional<envelope> rejection_of(const handler_entry& handler, const void* message, const error_report& reason) const;

  /// The number of recorded messages that nothing sends, see pipeline_options::sends. Any thread.
  std::uint64_t unsent() const noexcept;

  const pipeline_options& options() const noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace mamey::inline v1
