#include <mamey/runtime/wait_watch.hpp>

#include <utility>

#include <mamey/runtime/detail/parker.hpp>
#include <mamey/runtime/detail/strand.hpp>

namespace mamey::inline v1 {

watched_waits::watched_waits(wait_watch* watch) noexcept : previous_(std::exchange(detail::current_strand().watch, watch)) {}
watched_waits::~watched_waits() { detail::current_strand().watch = previous_; }

void report_wait(std::string_view what, std::string_view object) {
  const auto* const current = detail::here.current;
  if (current == nullptr || current->watch == nullptr) return;
  if (auto refused = current->watch->waits(what, object); refused && !current->masked && detail::may_throw(*current))
    std::rethrow_exception(std::move(refused));
}

}  // namespace mamey::inline v1
