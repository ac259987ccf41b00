#include <mamey/runtime/random.hpp>

#include <mamey/runtime/detail/loop_state.hpp>
#include <mamey/runtime/detail/random.hpp>

namespace mamey::inline v1 {

std::uint64_t small_random() {
  if (auto* const loop = detail::here.loop) return loop->random();
  thread_local std::uint64_t state = detail::random_seed();
  return detail::next_random(state);
}

double random_share() { return static_cast<double>(small_random() >> 11) * 0x1.0p-53; }

}  // namespace mamey::inline v1
