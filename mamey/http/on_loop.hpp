#pragma once

/// @file
/// For the framework.
/// Runs a function on a given loop.

#include <functional>

#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1::http::detail {

/// Runs a function that does not suspend on a loop, and waits for it, from any thread or fiber. Throws its exception.
void run_on_loop(event_loop& loop, const std::function<void()>& action);

}  // namespace mamey::inline v1::http::detail
