#include <mamey/runtime/detail/stack_pool.hpp>

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <limits>
#include <memory>
#include <mutex>
#include <new>

#include <mamey/runtime/detail/fiber_core.hpp>
#include <mamey/runtime/detail/sanitizers.hpp>

namespace mamey::inline v1::detail {
namespace {

constexpr std::size_t guard_size = 64 * 1024;
constexpr std::size_t stack_size = (sanitized ? 1024 : 256) * 1024;  // instrumented frames are several times larger
constexpr std::size_t kept_hot = 16 * 1024;                          // what a usual handler touches
constexpr std::size_t kept_stacks = 16;
constexpr std::size_t mapped_ahead = 10;  // what a server keeps for answers under overload, and some more
constexpr auto trim_after = std::chrono::seconds(1);
constexpr auto unmap_after = std::chrono::seconds(10);
constexpr auto refusal_matters = std::chrono::seconds(2);

std::atomic<std::size_t> mapped_stacks{0};
std::atomic<steady_time::rep> last_refusal{0};  // of a stack, on the system's steady clock; 0: never
std::atomic<std::size_t> lowered_limit{std::numeric_limits<std::size_t>::max()};

steady_time::rep ticks_now() noexcept { return std::chrono::steady_clock::now().time_since_epoch().count(); }

bool refused_just_now() noexcept {
  const auto when = last_refusal.load(std::memory_order_relaxed);
  return when != 0 && ticks_now() - when < steady_time::duration(refusal_matters).count();
}

stack* refuse_stack() noexcept {
  mapped_stacks.fetch_sub(1, std::memory_order_relaxed);
  last_refusal.store(ticks_now(), std::memory_order_relaxed);
  return nullptr;
}

stack* map_stack() noexcept {
  if (mapped_stacks.fetch_add(1, std::memory_order_relaxed) >= stack_limit()) return refuse_stack();
  auto made = std::unique_ptr<stack>(new (std::nothrow) stack);
  if (!made) return refuse_stack();
  void* const mapping =
      ::mmap(nullptr, guard_size + stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED || ::mprotect(mapping, guard_size, PROT_NONE) != 0) {
    if (mapping != MAP_FAILED) ::munmap(mapping, guard_size + stack_size);
    return refuse_stack();
  }
  made->mapping = static_cast<char*>(mapping);
  made->low = made->mapping + guard_size;
  made->high = made->low + stack_size;
#if defined(MAMEY_DETAIL_ASAN)
  __lsan_register_root_region(made->low, made->size());
#endif
  return made.release();
}

void unmap_stack(stack* gone) noexcept {
#if defined(MAMEY_DETAIL_ASAN)
  __lsan_unregister_root_region(gone->low, gone->size());
  __asan_unpoison_memory_region(gone->low, gone->size());
#endif
#if defined(MAMEY_DETAIL_TSAN)
  if (gone->tsan_fiber != nullptr) __tsan_destroy_fiber(gone->tsan_fiber);
#endif
  ::munmap(gone->mapping, guard_size + stack_size);
  delete gone;
  mapped_stacks.fetch_sub(1, std::memory_order_relaxed);
}

std::size_t read_stack_limit() noexcept {
  long mappings = 65530;  // the kernel's default
  if (std::FILE* file = std::fopen("/proc/sys/vm/max_map_count", "re")) {
    if (std::fscanf(file, "%ld", &mappings) != 1) mappings = 65530;
    std::fclose(file);
  }
  const auto for_stacks =
      static_cast<std::size_t>(std::max(mappings, 4096L)) * 3 / 4;  // the rest: heap, libraries, threads, the databases' maps
#if defined(MAMEY_DETAIL_TSAN)
  return std::min<std::size_t>(for_stacks / 2, 6000);  // ThreadSanitizer dies above about 8 000 threads and fibers
#else
  return for_stacks / 2;
#endif
}

}  // namespace

std::size_t stack_limit() noexcept {
  static const std::size_t limit = read_stack_limit();
  return std::min(limit, lowered_limit.load(std::memory_order_relaxed));
}

std::size_t mapped_stack_count() noexcept { return mapped_stacks.load(std::memory_order_relaxed); }

void lower_stack_limit(std::size_t most) noexcept { lowered_limit.store(most, std::memory_order_relaxed); }

stack_pool::~stack_pool() {
  for (stack* resting : resting_) unmap_stack(resting);
}

stack* stack_pool::map_another() noexcept {
  try {
    if (resting_.capacity() <= mapped_) resting_.reserve(std::max<std::size_t>(2 * mapped_, kept_stacks));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
  stack* const made = map_stack();
  if (made != nullptr) ++mapped_;
  return made;
}

std::size_t stack_pool::available() noexcept {
  while (resting_.size() < mapped_ahead) {
    stack* const made = map_another();
    if (made == nullptr) return resting_.size();
    resting_.insert(resting_.begin(), made);
  }
  const auto limit = stack_limit();
  return resting_.size() + limit - std::min(limit, mapped_stacks.load(std::memory_order_relaxed));
}

stack* stack_pool::take() noexcept {
  if (resting_.empty()) return map_another();
  stack* const taken = resting_.back();
  resting_.pop_back();
  return taken;
}

void stack_pool::give(stack* returned, steady_time now) noexcept {
  returned->last_used = now;
  returned->trimmed = false;
  resting_.push_back(returned);
  needs_trimming_ = true;
}

void stack_pool::trim(steady_time now) noexcept {
  // Sorted by last use, as a stack (the container) of them is.
  const auto rested = [now](std::chrono::nanoseconds span) { return [now, span](const stack* s) { return now - s->last_used >= span; }; };
  const auto removable = resting_.size() - std::min(resting_.size(), kept_stacks);
  const auto last_removable = resting_.begin() + static_cast<std::ptrdiff_t>(removable);
  const auto kept = refused_just_now() ? last_removable : std::find_if_not(resting_.begin(), last_removable, rested(unmap_after));
  std::for_each(resting_.begin(), kept, unmap_stack);
  mapped_ -= static_cast<std::size_t>(kept - resting_.begin());
  resting_.erase(resting_.begin(), kept);

  for (stack* s : resting_) {
    if (s->trimmed) continue;
    if (now - s->last_used < trim_after) break;
    ::madvise(s->low, s->size() - kept_hot, MADV_DONTNEED);
    s->trimmed = true;
  }
  needs_trimming_ =
      resting_.size() > kept_stacks || std::any_of(resting_.begin(), resting_.end(), [](const stack* s) { return !s->trimmed; });
}

namespace {

struct sigaction previous_action;

void write_all(const char* text) noexcept {
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, std::strlen(text));  // nothing can be done about a failure here
}

/// Async-signal-safe. Returning repeats the faulting instruction under the restored action, so that a core dump shows the true place.
void on_fault(int signal, siginfo_t* info, void*) {
  const strand* running = here.current;
  if (running != nullptr && running->self != nullptr && running->self->memory.guards(info->si_addr)) {
    write_all("mamey: fiber '");
    write_all(running->self->name);
    write_all("' overflowed its stack of 256 KiB: too deep a recursion, or too large a local variable\n");
    ::signal(signal, SIG_DFL);
    return;
  }
  ::sigaction(signal, &previous_action, nullptr);
}

void install_handler() {
  struct sigaction action{};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigaction(SIGSEGV, &action, &previous_action);
}

constexpr std::size_t signal_stack_size = 64 * 1024;

}  // namespace

overflow_guard::overflow_guard() {
  static std::once_flag installed;
  std::call_once(installed, install_handler);
  stack_t present{};
  if (::sigaltstack(nullptr, &present) == 0 && (present.ss_flags & SS_DISABLE) == 0) return;  // a sanitizer's, or an outer guard's
  void* const memory = ::mmap(nullptr, signal_stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;  // only the diagnosis is lost
  stack_t wanted{};
  wanted.ss_sp = memory;
  wanted.ss_size = signal_stack_size;
  ::sigaltstack(&wanted, nullptr);
  memory_ = memory;
}

overflow_guard::~overflow_guard() {
  if (memory_ == nullptr) return;
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  ::sigaltstack(&none, nullptr);
  ::munmap(memory_, signal_stack_size);
}

}  // namespace mamey::inline v1::detail
