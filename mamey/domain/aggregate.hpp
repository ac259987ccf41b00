#pragma once

/// @file
/// The consistency boundary of a domain model.

#include <cstdint>
#include <utility>
#include <vector>

#include <mamey/domain/message.hpp>

namespace mamey::inline v1 {

template <class T>
class repository;

/// Base of aggregate roots. The state is a plain struct, reflected and stored as a document; changes go through methods of the aggregate, which check
/// the rules (throw `domain_error`) and `raise` what happened.
///
///     class Order : public mamey::aggregate<mamey::uuid, OrderState> {
///       using aggregate::aggregate;
///      public:
///       void ship() { change().status = Status::delivering; raise(OrderShipped{.order_id = id()}); }
///     };
template <class Id, class State>
class aggregate {
 public:
  using id_type = Id;
  using state_type = State;

  const Id& id() const noexcept { return id_; }
  const State& state() const noexcept { return state_; }
  /// Counts saves; 0 before the first, and of a row that a service without versions wrote.
  std::int64_t version() const noexcept { return version_; }
  /// Counts events.
  std::int64_t position() const noexcept { return position_; }

 protected:
  aggregate() = default;
  explicit aggregate(Id id, State state = {}) : id_(std::move(id)), state_(std::move(state)) {}
  ~aggregate() = default;
  aggregate(const aggregate&) = default;
  aggregate(aggregate&&) noexcept = default;
  aggregate& operator=(const aggregate&) = default;
  aggregate& operator=(aggregate&&) noexcept = default;

  /// The state, to be changed.
  State& change() noexcept { return state_; }
  /// Something happened. Handlers of this module see it in the same unit of work; an event that is a contract (see `message_options`) is published as well.
  template <class Event>
  void raise(Event event) { raised_.push_back(record(std::move(event))); }

 private:
  template <class T>
  friend class repository;

  Id id_{};
  State state_{};
  std::int64_t version_ = 0;
  std::int64_t position_ = 0;
  bool stored_ = false;  ///< also at version 0: a row that somebody else wrote
  std::vector<recorded_message> raised_;
};

}  // namespace mamey::inline v1
