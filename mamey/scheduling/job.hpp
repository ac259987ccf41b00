#pragma once

/// @file
/// For services.
/// For authors: what a recurring job sends. A module declares one with `every` or `cron`.

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include <mamey/core/time.hpp>
#include <mamey/domain/message.hpp>

namespace mamey::inline v1 {

/// One run of a job.
struct occurrence {
  std::string job;
  timestamp time{};         ///< when it was due, in UTC; the run may be later
  std::int64_t missed = 0;  ///< how many occurrences before it did not run
};

/// What happens when occurrences passed while no instance ran.
enum class missed_runs : std::uint8_t {
  run_once,  ///< the last of them runs late, as soon as an instance is there; the others do not
  skip,      ///< none of them runs that is later than `job_options::tolerance`
};

struct job_options {
  std::string name = {};  ///< stable, for the store, settings and metrics; empty: the wire name of the message
  missed_runs missed = missed_runs::run_once;
  std::chrono::seconds tolerance{60};  ///< with `skip`: an occurrence that is at most this late still runs
};

/// A job's message, made for each occurrence. Made by `send` and `publish`.
struct job_message {
  const message_info* info = nullptr;
  bool is_command = true;
  std::function<recorded_message(const occurrence&)> make;  ///< runs in a fiber; must not suspend; what it throws is tried again
};

namespace detail {
template <class Make>
using made_for_occurrence = std::remove_cvref_t<std::invoke_result_t<const Make&, const occurrence&>>;

template <class Make>
job_message job_message_by(Make make, bool is_command) {
  return {.info = &message_info_of<made_for_occurrence<Make>>(),
          .is_command = is_command,
          .make = [make = std::move(make), is_command](const occurrence& due) {
            auto made = record(make(due));
            made.is_command = is_command;
            return made;
          }};
}
}  // namespace detail

/// A job that sends a command: `mamey::send<CleanUp>()`, `mamey::send(CleanUp{.older_than = 30})`. A command of the application goes to its
/// handler, another one over the bus to the service that its `message_options` name.
template <class Command>
job_message send(Command command = {}) {
  return detail::job_message_by([command = std::move(command)](const occurrence&) { return command; }, true);
}
/// Made for the occurrence: `mamey::send([](const mamey::occurrence& due) { return CloseDay{.day = due.time}; })`.
template <class Make>
  requires std::invocable<const Make&, const occurrence&>
job_message send(Make make) {
  return detail::job_message_by(std::move(make), true);
}

/// A job that publishes an event: `mamey::publish<DayBegan>()`; or, as with `send`, one that is made for the occurrence.
template <class Event>
job_message publish(Event event = {}) {
  return detail::job_message_by([event = std::move(event)](const occurrence&) { return event; }, false);
}
template <class Make>
  requires std::invocable<const Make&, const occurrence&>
job_message publish(Make make) {
  return detail::job_message_by(std::move(make), false);
}

}  // namespace mamey::inline v1
