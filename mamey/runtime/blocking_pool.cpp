#include <mamey/runtime/detail/blocking_pool.hpp>

#include <algorithm>
#include <exception>
#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/detail/parker.hpp>

namespace mamey::inline v1::detail {

/// On the stack of the fiber that waits for it.
struct blocking_pool::job {
  function_view call;
  const ambient_context& context;
  parker* waiter = nullptr;
  std::exception_ptr failure{};
  job* next = nullptr;
  bool queued = false;
  bool done = false;
};

blocking_pool::blocking_pool(int most_threads, std::size_t most_waiting)
    : most_threads_(static_cast<std::size_t>(std::max(most_threads, 1))), most_waiting_(most_waiting) {}

blocking_pool::~blocking_pool() {
  {
    const std::lock_guard lock(guard_);
    stopping_ = true;
  }
  filled_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void blocking_pool::submit(job& added) {
  {
    const std::lock_guard lock(guard_);
    const bool refused = idle_ <= waiting_ && threads_.size() < most_threads_ && !add_thread();
    if (threads_.empty()) throw unavailable("no_thread", "the system gives no thread for blocking calls: no memory, or too many threads");
    if ((refused || threads_.size() >= most_threads_) && waiting_ >= most_waiting_ + idle_) {
      throw unavailable("blocking_pool_full", "all {} threads for blocking calls are busy and {} calls wait already", most_threads_,
                        waiting_);
    }
    (last_ != nullptr ? last_->next : first_) = &added;
    last_ = &added;
    added.queued = true;
    ++waiting_;
  }
  filled_.notify_one();
}

/// False when the system has none.
bool blocking_pool::add_thread() {
  try {
    threads_.emplace_back([this] { work(); });
    return true;
  } catch (const std::exception&) {  // not enough memory, or threads: those that are there do the work
    return false;
  }
}

/// Takes a job back that no thread has begun.
bool blocking_pool::withdraw(job& queued) noexcept {
  if (!queued.queued) return false;
  job* previous = nullptr;
  for (job* one = first_; one != &queued; one = one->next) previous = one;
  (previous != nullptr ? previous->next : first_) = queued.next;
  if (last_ == &queued) last_ = previous;
  --waiting_;
  return true;
}

void blocking_pool::run(function_view call) {
  check_interruption();
  parker impatient;
  job mine{.call = call, .context = *current_strand().context, .waiter = &impatient};
  submit(mine);
  const auto reason = impatient.wait();
  if (reason != wake_reason::woken) {
    parker patient;  // the call has begun: it uses what the caller lent it
    {
      std::unique_lock lock(guard_);
      if (withdraw(mine)) {
        lock.unlock();
        raise(reason);
        return;
      }
      if (mine.done) {
        patient.wake();
      } else {
        mine.waiter = &patient;
      }
    }
    patient.wait({}, interruption::refused);
  }
  if (mine.failure) std::rethrow_exception(std::exchange(mine.failure, nullptr));
}

void blocking_pool::work() {
  std::unique_lock lock(guard_);
  for (;;) {
    ++idle_;
    filled_.wait(lock, [this] { return stopping_ || first_ != nullptr; });
    --idle_;
    if (first_ == nullptr) return;
    job& taken = *first_;
    first_ = taken.next;
    if (first_ == nullptr) last_ = nullptr;
    taken.queued = false;
    --waiting_;
    lock.unlock();
    execute(taken);
    lock.lock();
    taken.done = true;
    taken.waiter->wake();
  }
}

void blocking_pool::execute(job& taken) noexcept {
  const context_scope carried(taken.context);
  try {
    taken.call();
  } catch (...) {
    taken.failure = std::current_exception();
  }
}

}  // namespace mamey::inline v1::detail
