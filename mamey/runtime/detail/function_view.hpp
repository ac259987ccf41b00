#pragma once

/// @file
/// The address of a callable without its type, for calls that end before the callable does: what templates hand to their sources.

#include <memory>
#include <type_traits>

namespace mamey::inline v1::detail {

class function_view {
 public:
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, function_view>)
  function_view(F&& target) noexcept  // by intention implicit
      : target_(const_cast<void*>(static_cast<const void*>(std::addressof(target)))),
        call_([](void* erased) { (*static_cast<std::remove_reference_t<F>*>(erased))(); }) {}
  void operator()() const { call_(target_); }

 private:
  void* target_;
  void (*call_)(void*);
};

}  // namespace mamey::inline v1::detail
