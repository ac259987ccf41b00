#pragma once

#include <functional>

#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1::http::detail {

/// Runs something that does not suspend on a loop, and waits for it, from any thread or fiber. Throws what it throws.
void run_on_loop(event_loop& loop, const std::function<void()>& action);

}  // namespace mamey::inline v1::http::detail
