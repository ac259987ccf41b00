#include <mamey/runtime/detail/suspension_checks.hpp>

#include <string>

#include <mamey/runtime/detail/fiber_core.hpp>

#if defined(MAMEY_DETAIL_SEES_LOCKS)
#include <dlfcn.h>
#include <pthread.h>
#endif

namespace mamey::inline v1::detail {

#if defined(MAMEY_DETAIL_SEES_LOCKS)
namespace {

thread_local constinit unsigned held_here = 0;

template <class Function>
Function* next_definition(const char* name) noexcept {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

/// Looked up once; no function-local static, whose guard is one of the functions we stand in front of.
template <class Function>
Function* resolved(Function*& cached, const char* name) noexcept {
  auto* found = __atomic_load_n(&cached, __ATOMIC_RELAXED);
  if (found == nullptr) {
    found = next_definition<Function>(name);
    __atomic_store_n(&cached, found, __ATOMIC_RELAXED);
  }
  return found;
}

int (*real_lock)(pthread_mutex_t*) = nullptr;
int (*real_try_lock)(pthread_mutex_t*) = nullptr;
int (*real_unlock)(pthread_mutex_t*) = nullptr;
int (*real_once)(pthread_once_t*, void (*)()) = nullptr;
int (*real_guard_acquire)(void*) = nullptr;
void (*real_guard_release)(void*) = nullptr;
void (*real_guard_abort)(void*) = nullptr;

}  // namespace

unsigned locks_held() noexcept { return held_here; }

/// The functions below count, on their way to the real ones.
struct lock_spy {
  static int lock(pthread_mutex_t* mutex) noexcept {
    const int result = resolved(real_lock, "pthread_mutex_lock")(mutex);
    if (result == 0) ++held_here;
    return result;
  }
  static int try_lock(pthread_mutex_t* mutex) noexcept {
    const int result = resolved(real_try_lock, "pthread_mutex_trylock")(mutex);
    if (result == 0) ++held_here;
    return result;
  }
  static int unlock(pthread_mutex_t* mutex) noexcept {
    const int result = resolved(real_unlock, "pthread_mutex_unlock")(mutex);
    if (result == 0 && held_here > 0) --held_here;
    return result;
  }
  static int once(pthread_once_t* control, void (*routine)()) {
    struct counted {
      counted() { ++held_here; }
      ~counted() { --held_here; }
    } const inside;
    return resolved(real_once, "pthread_once")(control, routine);
  }
  static int guard_acquire(void* guard) {
    const int first = resolved(real_guard_acquire, "__cxa_guard_acquire")(guard);
    if (first != 0) ++held_here;
    return first;
  }
  static void guard_release(void* guard) noexcept {
    --held_here;
    resolved(real_guard_release, "__cxa_guard_release")(guard);
  }
  static void guard_abort(void* guard) noexcept {
    --held_here;
    resolved(real_guard_abort, "__cxa_guard_abort")(guard);
  }
};
#endif

#if !defined(NDEBUG)
void assert_may_suspend(const strand& current) noexcept {
  if (current.self == nullptr) return;
  const auto forbid = [&](const char* where) {
    fatal("fiber '" + std::string(current.self->name) + "' reached a suspension point " + where +
          "; other fibers of its thread would meet what it left half done");
  };
  if (current.no_suspend_depth > 0) forbid("inside a no_suspend_section");
  if (locks_held() > current.self->locks_at_resume)
    forbid("while holding a std::mutex, or inside a static's initialiser or std::call_once");
}
#endif

}  // namespace mamey::inline v1::detail

#if defined(MAMEY_DETAIL_SEES_LOCKS)
// The linker takes these before those of the shared C and C++ libraries.
extern "C" {
int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept { return mamey::detail::lock_spy::lock(mutex); }
int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept { return mamey::detail::lock_spy::try_lock(mutex); }
int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept { return mamey::detail::lock_spy::unlock(mutex); }
int pthread_once(pthread_once_t* control, void (*routine)()) { return mamey::detail::lock_spy::once(control, routine); }
int __cxa_guard_acquire(void* guard) { return mamey::detail::lock_spy::guard_acquire(guard); }
void __cxa_guard_release(void* guard) noexcept { mamey::detail::lock_spy::guard_release(guard); }
void __cxa_guard_abort(void* guard) noexcept { mamey::detail::lock_spy::guard_abort(guard); }
}
#endif
