#pragma once

/// @file
/// Reports stacks and switches to AddressSanitizer, LeakSanitizer, ThreadSanitizer and valgrind. Empty in other builds.

#include <cstddef>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MAMEY_DETAIL_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define MAMEY_DETAIL_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define MAMEY_DETAIL_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define MAMEY_DETAIL_TSAN 1
#endif

#if defined(MAMEY_DETAIL_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif
#if defined(MAMEY_DETAIL_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

namespace mamey::inline v1::detail {

#if defined(MAMEY_DETAIL_ASAN) || defined(MAMEY_DETAIL_TSAN)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

/// What a fiber keeps for the sanitizers.
struct switch_notes {
  void* fake_stack = nullptr;
  void* loop_fake_stack = nullptr;
  const void* loop_stack = nullptr;
  std::size_t loop_stack_size = 0;
  void* loop_tsan_fiber = nullptr;

  void entering([[maybe_unused]] const void* low, [[maybe_unused]] std::size_t size, [[maybe_unused]] void* tsan_fiber) noexcept {
#if defined(MAMEY_DETAIL_ASAN)
    __sanitizer_start_switch_fiber(&loop_fake_stack, low, size);
#endif
#if defined(MAMEY_DETAIL_TSAN)
    loop_tsan_fiber = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(tsan_fiber, 0);
#endif
  }
  void entered() noexcept {
#if defined(MAMEY_DETAIL_ASAN)
    __sanitizer_finish_switch_fiber(fake_stack, &loop_stack, &loop_stack_size);
#endif
  }
  /// `for_good`: the fiber does not come back, its fake stack dies.
  void leaving([[maybe_unused]] bool for_good) noexcept {
#if defined(MAMEY_DETAIL_ASAN)
    __sanitizer_start_switch_fiber(for_good ? nullptr : &fake_stack, loop_stack, loop_stack_size);
#endif
#if defined(MAMEY_DETAIL_TSAN)
    __tsan_switch_to_fiber(loop_tsan_fiber, 0);
#endif
  }
  void left() noexcept {
#if defined(MAMEY_DETAIL_ASAN)
    __sanitizer_finish_switch_fiber(loop_fake_stack, nullptr, nullptr);
#endif
  }
};

}  // namespace mamey::inline v1::detail
