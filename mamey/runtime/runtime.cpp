#include <mamey/runtime/runtime.hpp>

#include <algorithm>
#include <exception>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <mamey/core/time.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/detail/epoll_loop.hpp>
#include <mamey/runtime/detail/parker.hpp>
#include <mamey/runtime/detail/runtime_core.hpp>
#include <mamey/runtime/detail/wait_list.hpp>
#include <mamey/runtime/detail/watchdog.hpp>

namespace mamey::inline v1 {

std::size_t detail::runtime_core::alive() const noexcept {
  std::size_t sum = 0;
  for (const auto& loop : loops) sum += loop->internals().alive.load(std::memory_order_relaxed);
  return sum;
}

void detail::runtime_core::wake_all() noexcept {
  for (const auto& loop : loops) loop->internals().interrupt_sleep();
}

struct runtime::state {
  explicit state(const runtime_options& options) : core(options) {}
  /// Also when the system gave only some of the threads.
  ~state() {
    watch.reset();
    core.stopping.store(true, std::memory_order_release);
    core.wake_all();
    for (auto& thread : threads) thread.join();
  }
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  void add_loop() { core.loops.push_back(std::make_unique<event_loop>(std::make_unique<detail::epoll_loop>(core))); }

  void start_thread(event_loop& loop, const std::string& name) {
    threads.emplace_back([&loop, name] {
      ::pthread_setname_np(::pthread_self(), name.c_str());
      static_cast<detail::epoll_loop&>(loop.internals()).run_until_stopped();
    });
  }

  detail::runtime_core core;
  std::vector<std::thread> threads;
  std::optional<detail::watchdog> watch;
};

runtime::runtime(const runtime_options& options) : state_(std::make_unique<state>(options)) {
  const auto cores = std::max(1U, std::thread::hardware_concurrency());
  const auto count = options.threads > 0 ? static_cast<unsigned>(options.threads) : cores;
  for (unsigned i = 0; i <= count; ++i) state_->add_loop();
  state_->threads.reserve(count + 1);
  for (unsigned i = 0; i < count; ++i) state_->start_thread(loop(i), "loop-" + std::to_string(i));
  state_->start_thread(system_loop(), "loop-system");
  if (options.stall_warning.count() <= 0) return;
  std::vector<detail::epoll_loop*> loops;
  for (const auto& each : state_->core.loops) loops.push_back(static_cast<detail::epoll_loop*>(&each->internals()));
  state_->watch.emplace(loops, saturating_cast<std::chrono::nanoseconds>(options.stall_warning));
}

runtime::~runtime() = default;

std::size_t runtime::loops() const noexcept { return state_->core.loops.size() - 1; }
event_loop& runtime::loop(std::size_t index) noexcept { return *state_->core.loops[index]; }
event_loop& runtime::system_loop() noexcept { return *state_->core.loops.back(); }

void runtime::call_on(event_loop& loop, detail::function_view body) {
  if (event_loop::current() != nullptr) throw std::logic_error("mamey::runtime::run would block an event loop; spawn a fiber instead");
  struct call {
    detail::function_view body;
    std::mutex guard;
    detail::wait_list ended;
    bool done = false;
    std::exception_ptr failure;

    void run() {
      try {
        body();
      } catch (...) {
        failure = std::current_exception();
      }
      const std::lock_guard lock(guard);
      done = true;
      ended.wake_all();
    }
  } mine{.body = body};
  loop.start_fiber("run", [&mine] { mine.run(); });
  std::unique_lock lock(mine.guard);
  while (!mine.done) mine.ended.wait(lock, {}, detail::interruption::refused);
  lock.unlock();
  if (mine.failure) std::rethrow_exception(std::exchange(mine.failure, nullptr));
}

}  // namespace mamey::inline v1
