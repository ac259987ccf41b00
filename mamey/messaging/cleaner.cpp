#include <mamey/messaging/cleaner.hpp>

#include <mamey/runtime/fiber.hpp>

namespace mamey::inline v1 {

namespace {
constexpr std::chrono::milliseconds between_batches{20};
}

void cleaner::run() {
  bool more = false;
  while (!stopped_.try_acquire_until(steady_now() + (more ? between_batches : between_))) {
    const masked_section masked;
    more = of_.clean(keep_);
    if (!more) ++rounds_;
  }
}

void cleaner::stop() { stopped_.release(); }

}  // namespace mamey::inline v1
