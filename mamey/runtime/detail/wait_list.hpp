#pragma once

/// @file
/// Fibers and threads that wait for the same thing, first come first served, under a std::mutex of the owner's.

#include <mutex>
#include <optional>

#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1::detail {

struct strand;
enum class wake_reason : std::uint8_t;
enum class interruption : std::uint8_t;

class wait_list {
 public:
  wait_list() = default;
  wait_list(const wait_list&) = delete;
  wait_list& operator=(const wait_list&) = delete;

  /// Releases `lock` while waiting. What the caller does next decides whether to `raise` the reason.
  wake_reason wait(std::unique_lock<std::mutex>& lock, std::optional<steady_time> until, interruption mode);
  /// The same with interruptions, which are thrown; false when `until` passed.
  bool wait(std::unique_lock<std::mutex>& lock, std::optional<steady_time> until = {});

  /// Ends the wait of the first who still waits and names it; null when nobody does. Under the lock, as all below.
  strand* wake_one() noexcept;
  void wake_all() noexcept;
  bool empty() const noexcept { return first_ == nullptr; }

 private:
  struct node;
  void append(node& added) noexcept;
  void remove(node& gone) noexcept;

  node* first_ = nullptr;
  node* last_ = nullptr;
};

/// Throws if the ambient context was interrupted already: every suspension point begins with it.
void check_interruption();

}  // namespace mamey::inline v1::detail
