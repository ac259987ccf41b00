#pragma once

/// @file
/// For services.
/// The consistency boundary of a domain model.

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <mamey/domain/message.hpp>

namespace mamey::inline v1 {

template <class T>
class repository;
struct collection;

namespace detail {

/// The changes of aggregates in one unit of work, and which of them were not saved. The unit and its aggregates share this object, so that
/// either may end first. A copy of an aggregate carries the changes made before it was copied: a handler that saves the copy saves them.
class unsaved_changes {
 public:
  struct lost {
    const collection* of = nullptr;
    std::string id;
    std::string event;  ///< raised and not saved; empty: only the state was changed
    bool saved_before = false;
    std::uint32_t change = 0;
  };
  /// The number of a change, made after the one numbered `before`; 0: after none.
  std::uint32_t add(std::uint32_t before) {
    all_.push_back({.before = before});
    return static_cast<std::uint32_t>(all_.size());
  }
  /// `last` and all before it are recorded.
  void save(std::uint32_t last) noexcept {
    for (; last != 0 && !all_[last - 1].saved; last = all_[last - 1].before) all_[last - 1].saved = true;
  }
  /// An aggregate ends with changes that it did not save. Any thread.
  void leave(lost what, const type_model& id_type, const void* id, const std::vector<recorded_message>& events) noexcept;
  /// The first that was saved by no copy either; forgets all others.
  std::optional<lost> take();

 private:
  struct change {
    std::uint32_t before = 0;
    bool saved = false;
  };
  std::vector<change> all_;
  std::mutex guard_;  ///< for the next one
  std::vector<lost> left_;
};

/// The unit of work that loaded an aggregate or recorded it first.
struct origin {
  const collection* of = nullptr;
  std::shared_ptr<unsaved_changes> unit;  ///< null: the aggregate is new
  std::uint32_t last_change = 0, saved_change = 0;
  bool saved = false;
};

}  // namespace detail

/// Base of aggregate roots. The state is a plain struct, reflected and stored as a document; methods of the aggregate change it: they check
/// the rules (throw `domain_error`) and `raise` events.
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

  const Id& id() const noexcept { return parts_.id; }
  const State& state() const noexcept { return parts_.state; }
  /// The number of saves; 0 before the first, and for a row that a service without versions wrote.
  std::int64_t version() const noexcept { return parts_.version; }
  /// The number of events.
  std::int64_t position() const noexcept { return parts_.position; }

 protected:
  aggregate() = default;
  explicit aggregate(Id id, State state = {}) : parts_{.id = std::move(id), .state = std::move(state)} {}
  ~aggregate() { leave(); }
  aggregate(const aggregate&) = default;
  aggregate(aggregate&&) noexcept = default;
  aggregate& operator=(const aggregate& other) {
    if (this == &other) return *this;
    leave();
    parts_ = other.parts_;
    return *this;
  }
  aggregate& operator=(aggregate&& other) noexcept {
    if (this == &other) return *this;
    leave();
    parts_ = std::move(other.parts_);
    return *this;
  }

  /// The state, to be changed. A change that is not saved afterwards is a warning at the end of the handler, and an error in the test harness.
  State& change() {
    note_change();
    return parts_.state;
  }
  /// Raises an event. Domain handlers of the application run in the same unit of work. An event that is a contract (see `message_options`)
  /// is published as well.
  template <class Event>
  void raise(Event event) {
    static_cast<void>(&detail::is_raised<aggregate, Event>);
    note_change();
    parts_.raised.push_back(record(std::move(event)));
  }

 private:
  template <class T>
  friend class repository;

  struct parts {
    Id id{};
    State state{};
    std::int64_t version = 0;
    std::int64_t position = 0;
    bool stored = false;  ///< also at version 0: a row that another program wrote
    std::vector<recorded_message> raised = {};
    detail::origin origin = {};
  };

  void note_change() {
    if (parts_.origin.unit) parts_.origin.last_change = parts_.origin.unit->add(parts_.origin.last_change);
  }
  void leave() noexcept {
    const auto& from = parts_.origin;
    if (!from.unit || from.last_change == from.saved_change) return;
    from.unit->leave({.of = from.of, .id = {}, .event = {}, .saved_before = from.saved, .change = from.last_change}, model_of<Id>(),
                     &parts_.id, parts_.raised);
  }

  parts parts_;
};

}  // namespace mamey::inline v1
