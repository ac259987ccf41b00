#include <mamey/messaging/detail/fiber_group.hpp>

#include <mamey/core/error.hpp>
#include <mamey/messaging/detail/describe.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/sync.hpp>

namespace mamey::inline v1::detail {

namespace {
const logger log{"mamey.messaging"};
}

struct fiber_group::state {
  mutex guard;
  condition ended;
  std::atomic<std::size_t> alive{0};
  std::shared_ptr<cancellation> cancel = std::make_shared<cancellation>();
};

fiber_group::fiber_group() : state_(std::make_shared<state>()) {}

fiber_group::~fiber_group() = default;

void fiber_group::start(event_loop& loop, std::string_view name, std::function<void()> body) {
  ambient_context fresh;
  fresh.cancel = state_->cancel;
  ++state_->alive;
  const auto run = [shared = state_, body = std::move(body)] {
    try {
      body();
    } catch (...) {
      const auto report = describe_current_exception();
      if (report.kind != error_kind::cancelled) log.error("a background fiber ended with {code}: {detail}", report.code, words_of(report));
    }
    const masked_section masked;
    const std::unique_lock lock(shared->guard);
    --shared->alive;
    shared->ended.notify_all();
  };
  loop.start_fiber(name, run, std::move(fresh));
}

void fiber_group::cancel() noexcept { state_->cancel->request(); }

bool fiber_group::join(std::chrono::nanoseconds grace) {
  const auto until = steady_now() + grace;
  std::unique_lock lock(state_->guard);
  while (state_->alive > 0) {
    if (!state_->ended.wait_until(lock, until)) return state_->alive == 0;
  }
  return true;
}

}  // namespace mamey::inline v1::detail
