#pragma once

/// @file
/// Work of features that must not hold up the start or the stop.

#include <chrono>
#include <functional>
#include <string_view>

namespace mamey::inline v1 {

/// Code of the error about work that runs on.
inline constexpr std::string_view does_not_end = "does_not_end";

/// Runs `work` in a fiber of its own with a deadline `span` from now, and waits for it. Throws what it throws; `deadline_exceeded`
/// (`no_end_in_time`) when it had to be cancelled shortly after its deadline, and `deadline_exceeded` (`does_not_end`) when that did not
/// end it either: it runs on, and uses what it uses. Outside a fiber: a plain call.
void run_bounded(std::string_view name, std::chrono::milliseconds span, std::function<void()> work);

}  // namespace mamey::inline v1
