#include <mamey/host/detail/memory_keeper.hpp>

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include <mamey/http/on_loop.hpp>
#include <mamey/runtime/fiber.hpp>

namespace mamey::inline v1 {
namespace {

constexpr int own_mapping_from = 256 << 10;      ///< bytes: such a piece is the system's again when it is freed
constexpr int kept_at_the_top = 4 << 20;         ///< bytes of each arena
constexpr std::size_t worth_a_look = 16 << 20;   ///< bytes free
constexpr std::size_t worth_the_work = 4 << 20;  ///< bytes given back
constexpr std::chrono::seconds shortest_pause{3};
constexpr std::chrono::seconds longest_pause{300};

std::size_t resident() {
  std::ifstream file("/proc/self/statm");
  std::size_t size = 0, pages = 0;
  file >> size >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

memory_keeper::memory_keeper(event_loop& on) : loop_(on), pause_(shortest_pause) {
  ::mallopt(M_MMAP_THRESHOLD, own_mapping_from);
  ::mallopt(M_TRIM_THRESHOLD, kept_at_the_top);
  loop_.post([this] { look(); });
}

memory_keeper::~memory_keeper() {
  const masked_section undisturbed;
  http::detail::run_on_loop(loop_, [this] {
    if (timer_ != 0) loop_.cancel_timer(timer_);
  });
}

void memory_keeper::look() {
  const auto free_now = ::mallinfo2().fordblks;
  const auto idle =
      std::min(free_now, std::exchange(free_before_, free_now));  // about as much was free the last time: it is not needed just now
  if (idle >= worth_a_look) {
    const auto before = resident();
    ::malloc_trim(0);
    // What was given back still counts as free: without gain there is no need to try again soon.
    const auto after = resident();
    pause_ = after + worth_the_work < before ? shortest_pause : std::min(pause_ * 2, longest_pause);
  } else {
    pause_ = shortest_pause;
  }
  timer_ = loop_.add_timer(loop_.now() + pause_, [this] {
    timer_ = 0;
    look();
  });
}

}  // namespace mamey::inline v1
