#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/detail/parker.hpp>
#include <mamey/runtime/detail/wait_list.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/wait_watch.hpp>

namespace mamey::inline v1 {

struct task_scope::state {
  explicit state(const std::shared_ptr<cancellation>& outer)
      : of_children(std::make_shared<cancellation>(outer)), of_body(std::make_shared<cancellation>(outer)) {}

  void child_began() {
    const std::lock_guard lock(guard);
    ++running;
  }
  void child_ended() {
    const std::lock_guard lock(guard);
    if (--running == 0) all_ended.wake_all();
  }

  /// The first failure counts, and ends everybody else's work.
  void fail(std::exception_ptr failure) {
    {
      const std::lock_guard lock(guard);
      if (!first_failure) first_failure = std::move(failure);
    }
    of_children->request();
    of_body->request();
  }

  bool is_awaited() {
    const std::lock_guard lock(guard);
    return running > 0;
  }

  /// Children use what the body's callers lent them, so nothing ends this wait but their end.
  void join() {
    std::unique_lock lock(guard);
    while (running > 0) all_ended.wait(lock, {}, detail::interruption::refused);
    lock.unlock();
    for (auto& thread : threads) thread.join();
  }

  std::mutex guard;
  detail::wait_list all_ended;
  std::size_t running = 0;
  std::exception_ptr first_failure;
  bool cancelled_by_owner = false;
  const std::shared_ptr<cancellation> of_children;
  const std::shared_ptr<cancellation> of_body;
  std::vector<std::thread> threads;
};

namespace {

/// One child: counted from its creation to its destruction, whether or not it ever ran.
class child_task {
 public:
  child_task(std::shared_ptr<task_scope::state> scope, std::function<void()> body) : scope_(std::move(scope)), body_(std::move(body)) {
    scope_->child_began();
  }
  ~child_task() {
    body_ = nullptr;  // what it captured goes before the scope may
    scope_->child_ended();
  }
  child_task(const child_task&) = delete;
  child_task& operator=(const child_task&) = delete;

  void run() {
    try {
      body_();
    } catch (const cancelled&) {
      if (!was_cancelled_by_owner()) scope_->fail(std::current_exception());
    } catch (...) {
      scope_->fail(std::current_exception());
    }
  }

 private:
  bool was_cancelled_by_owner() {
    const std::lock_guard lock(scope_->guard);
    return scope_->cancelled_by_owner;
  }

  std::shared_ptr<task_scope::state> scope_;
  std::function<void()> body_;
};

ambient_context context_for_child(const task_scope::state& scope) {
  auto context = current_context();
  context.cancel = scope.of_children;
  return context;
}

}  // namespace

void task_scope::spawn(std::string_view name, std::function<void()> body) {
  if (event_loop* here = event_loop::current()) {
    spawn_on(*here, name, std::move(body));
    return;
  }
  auto child = std::make_shared<child_task>(state_, std::move(body));
  std::thread thread([child = std::move(child), context = context_for_child(*state_)]() mutable {
    const context_scope inherited(std::move(context));
    child->run();
    child.reset();
  });
  const std::lock_guard lock(state_->guard);
  state_->threads.push_back(std::move(thread));
}

void task_scope::spawn_on(event_loop& loop, std::string_view name, std::function<void()> body) {
  auto child = std::make_shared<child_task>(state_, std::move(body));
  loop.start_fiber(name, [child = std::move(child)] { child->run(); }, context_for_child(*state_));
}

void task_scope::cancel() {
  {
    const std::lock_guard lock(state_->guard);
    state_->cancelled_by_owner = true;
  }
  state_->of_children->request();
}

void with_scope(const std::function<void(task_scope&)>& body) {
  const auto outer = current_context().cancel;
  const auto state = std::make_shared<task_scope::state>(outer);
  task_scope scope(state);
  current_context().cancel = state->of_body;
  try {
    body(scope);
  } catch (...) {
    state->fail(std::current_exception());
  }
  current_context().cancel = outer;
  try {
    if (state->is_awaited()) report_wait("its child fibers");
  } catch (...) {
    state->fail(std::current_exception());
  }
  state->join();
  if (state->first_failure) std::rethrow_exception(std::exchange(state->first_failure, nullptr));
}

}  // namespace mamey::inline v1
