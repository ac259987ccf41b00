#pragma once

/// @file
/// For providers: waiting for input of a descriptor that somebody else reads, such as the socket of a client library.

#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {

/// As `event_loop::watch`, for input only and level-triggered: `readable` is called in each round of the loop while input waits. The
/// reader need not empty the descriptor, so that no system call has to find out that it is empty. `event_loop::unwatch` ends it. Loop thread
/// only. Throws std::system_error.
void watch_input(event_loop& on, int descriptor, event_loop::watcher& target);

}  // namespace mamey::inline v1
