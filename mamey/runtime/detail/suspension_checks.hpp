#pragma once

/// @file
/// Where a fiber must not suspend, and what debug builds know about it. They abort at a suspension point, whether or not it would have to wait:
///  - inside a `no_suspend_section` (put one around callbacks of C libraries);
///  - while the thread holds a lock taken since the fiber was resumed: std::mutex and everything else over pthread_mutex_lock;
///  - inside the initialiser of a function-local static, or std::call_once.
/// The last two are seen by standing between the program and the C and C++ runtimes, in debug builds with g++ and without ThreadSanitizer only;
/// locks taken inside the C library itself, and std::shared_mutex, are not seen.

#include <mamey/runtime/detail/strand.hpp>

namespace mamey::inline v1::detail {

#if !defined(NDEBUG) && defined(__linux__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define MAMEY_DETAIL_SEES_LOCKS 1
unsigned locks_held() noexcept;
#else
inline unsigned locks_held() noexcept { return 0; }
#endif

/// While one is alive, a suspension point reached by this fiber is a bug: debug builds abort there.
class no_suspend_section {
 public:
  no_suspend_section() : strand_(current_strand()) { ++strand_.no_suspend_depth; }
  ~no_suspend_section() { --strand_.no_suspend_depth; }
  no_suspend_section(const no_suspend_section&) = delete;
  no_suspend_section& operator=(const no_suspend_section&) = delete;

 private:
  strand& strand_;
};

/// Called by every suspension point.
#if defined(NDEBUG)
inline void assert_may_suspend(const strand&) noexcept {}
#else
void assert_may_suspend(const strand& current) noexcept;
#endif

}  // namespace mamey::inline v1::detail
