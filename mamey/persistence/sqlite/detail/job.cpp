#include <mamey/persistence/sqlite/detail/job.hpp>

#include <mamey/core/error.hpp>
#include <mamey/runtime/fiber.hpp>

namespace mamey::inline v1::sqlite_detail {

void answer::set() {
  if (!block_) return given_.release();
  const std::scoped_lock lock(mutex_);
  is_set_ = true;
  changed_.notify_one();
}

bool answer::wait_for(std::chrono::nanoseconds span) {
  if (!block_) return given_.try_acquire_until(steady_now() + span);
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, span, [&] { return is_set_; });
}

namespace {

/// True when answered; false when the caller should no longer be interrupted. Throws when it took the job back.
bool wait_interruptibly(job& submitted, std::chrono::nanoseconds bound) {
  try {
    return submitted.done.wait_for(bound);
  } catch (...) {
    // Whatever ended the wait (deadline, cancellation, a simulated crash): the writer may be reading the caller's data.
    if (submitted.move(job::phase::queued, job::phase::withdrawn)) throw;
    return false;
  }
}

void wait_masked(job& submitted, std::chrono::nanoseconds bound) {
  for (;;) {
    const masked_section masked(bound * 2);
    if (submitted.done.wait_for(bound)) return;
    if (submitted.move(job::phase::queued, job::phase::withdrawn)) {
      throw unavailable("write_queue_stuck", "the store's writer did not get to this unit of work in time");
    }
    if (submitted.state.load() == job::phase::sealed) {
      throw commit_unknown("commit_unknown", "the disk does not answer: whether the unit of work was committed is unknown");
    }
  }
}

}  // namespace

void await(job& submitted, std::chrono::nanoseconds bound) {
  if (!wait_interruptibly(submitted, bound)) wait_masked(submitted, bound);
  if (submitted.failure) std::rethrow_exception(std::exchange(submitted.failure, nullptr));
}

}  // namespace mamey::inline v1::sqlite_detail
