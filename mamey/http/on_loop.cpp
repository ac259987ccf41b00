#include <exception>
#include <memory>

#include <mamey/http/on_loop.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/sync.hpp>

namespace mamey::inline v1::http::detail {

void run_on_loop(event_loop& loop, const std::function<void()>& action) {
  if (event_loop::current() == &loop) return action();
  const auto done = std::make_shared<semaphore>(0);
  std::exception_ptr failure;
  loop.post([&action, &failure, done] {
    try {
      action();
    } catch (...) {
      failure = std::current_exception();  // for the caller
    }
    done->release();
  });
  const masked_section mask;  // the callback refers to our stack
  done->acquire();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace mamey::inline v1::http::detail
