#include <mamey/messaging/detail/fiber_group.hpp>

#include <atomic>
#include <exception>
#include <new>
#include <utility>

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
  std::atomic<std::size_t> alive{0};
  std::atomic<bool> joining{false};
  semaphore ended{0};  ///< a permit per end, while somebody waits for it
  std::shared_ptr<cancellation> cancel = std::make_shared<cancellation>();
};

/// Of one fiber: counted from its creation to its destruction, whether or not it ever ran.
class fiber_group::membership {
 public:
  explicit membership(std::shared_ptr<state> of) : of_(std::move(of)) { ++of_->alive; }
  ~membership() {
    --of_->alive;
    if (of_->joining) of_->ended.release();
  }
  membership(const membership&) = delete;
  membership& operator=(const membership&) = delete;

 private:
  std::shared_ptr<state> of_;
};

fiber_group::fiber_group() : state_(std::make_shared<state>()) {}

fiber_group::~fiber_group() { end(); }

void fiber_group::end() noexcept {
  cancel();
  if (!in_fiber() || state_->alive == 0) return;
  const masked_section masked(std::chrono::hours(1));
  if (join(std::chrono::seconds(30))) return;
  log.error("fibers of messaging have not ended, although they were cancelled 30 s ago: the process ends");
  std::terminate();
}

void fiber_group::start(event_loop& loop, std::string_view name, std::function<void()> body) {
  ambient_context fresh;
  fresh.cancel = state_->cancel;
  auto member = std::make_shared<membership>(state_);  // ends with the fiber, also with one that never ran
  loop.start_fiber(
      name,
      [member = std::move(member), body = std::move(body)] {
        try {
          body();
        } catch (const std::bad_alloc&) {
          log.error("a background fiber ended for want of memory");
        } catch (...) {
          const auto report = describe_current_exception();
          if (report.kind != error_kind::cancelled)
            log.error("a background fiber ended with {code}: {detail}", report.code, words_of(report));
        }
      },
      std::move(fresh));
}

void fiber_group::cancel() noexcept { state_->cancel->request(); }

bool fiber_group::join(std::chrono::nanoseconds grace) {
  const auto until = steady_now() + grace;
  state_->joining = true;
  while (state_->alive > 0) {
    if (!state_->ended.try_acquire_until(until)) break;
  }
  return state_->alive == 0;
}

}  // namespace mamey::inline v1::detail
