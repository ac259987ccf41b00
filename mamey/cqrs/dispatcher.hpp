#pragma once

/// @file
/// For services.
/// Sending commands and asking queries from code: injected as `mamey::dispatcher&`.

#include <optional>
#include <utility>

#include <mamey/cqrs/handler.hpp>

namespace mamey::inline v1 {

/// In-process dispatch to the handlers of this application. Each call has its own unit of work: a command that a handler sends is not part
/// of the handler's transaction. Thread-safe; suspends.
class dispatcher {
 public:
  virtual ~dispatcher() = default;

  /// Runs the command's handler. Throws what the handler throws, `validation_error`, `concurrency_conflict`.
  template <class Command>
  void send(const Command& command) {
    static_cast<void>(&detail::is_dispatched<Command>);
    dispatch(message_info_of<Command>(), &command, {});
  }

  /// Runs the query's handler and returns its result.
  template <class Query>
  auto ask(const Query& query) {
    constexpr bool is_query = detail::names_its_result<Query>();
    static_assert(is_query, "mamey: a query names its result: put `using result = std::optional<OrderDto>;` into the struct.");
    if constexpr (is_query) {
      static_cast<void>(&detail::is_dispatched<Query>);
      std::optional<typename Query::result> answer;
      dispatch(message_info_of<Query>(), &query,
               [&](void* result) { answer.emplace(std::move(*static_cast<typename Query::result*>(result))); });
      return std::move(*answer);
    }
  }

  /// The untyped form of both.
  virtual void dispatch(const message_info& message, const void* object, const result_sink& sink) = 0;
};

}  // namespace mamey::inline v1
