#include <mamey/host/detail/bounded_work.hpp>

#include <exception>
#include <memory>
#include <string>

#include <mamey/core/error.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/sync.hpp>

namespace mamey::inline v1 {
namespace {

constexpr std::chrono::milliseconds last_grace{500};  ///< for the work to end once its time is over

struct bounded_run {
  std::shared_ptr<cancellation> cancel = std::make_shared<cancellation>();
  semaphore ended{0};
  std::exception_ptr failure;
};

/// Tells the waiting side, however the fiber ends.
class end_of_run {
 public:
  explicit end_of_run(std::shared_ptr<bounded_run> of) : of_(std::move(of)) {}
  ~end_of_run() { of_->ended.release(); }
  end_of_run(const end_of_run&) = delete;
  end_of_run& operator=(const end_of_run&) = delete;

 private:
  std::shared_ptr<bounded_run> of_;
};

bool ends_within(bounded_run& run, std::chrono::milliseconds span) {
  const masked_section undisturbed(span + last_grace);
  return run.ended.try_acquire_until(deadline_after(span));
}

}  // namespace

void run_bounded(std::string_view name, std::chrono::milliseconds span, std::function<void()> work) {
  auto* const loop = event_loop::current();
  if (!loop || !in_fiber()) return work();
  auto run = std::make_shared<bounded_run>();
  ambient_context context;
  context.service = current_context().service;
  context.deadline = deadline_after(span);
  context.cancel = run->cancel;
  loop->start_fiber(
      name,
      [run, over = std::make_shared<end_of_run>(run), work = std::move(work)] {
        try {
          work();
        } catch (...) {
          run->failure = std::current_exception();
        }
      },
      std::move(context));
  bool ended = false;
  try {
    ended = run->ended.try_acquire_until(deadline_after(span + last_grace));
  } catch (...) {  // who waits is cancelled, and so is the work
    run->cancel->request();
    (void)ends_within(*run, last_grace);
    throw;
  }
  if (ended && run->failure) std::rethrow_exception(run->failure);
  if (ended) return;
  run->cancel->request();
  if (!ends_within(*run, last_grace))
    throw deadline_exceeded(std::string(does_not_end), "{} has not ended within {} ms, nor when it was cancelled", name, span.count());
  throw deadline_exceeded("no_end_in_time", "{} has not ended within {} ms", name, span.count());
}

}  // namespace mamey::inline v1
