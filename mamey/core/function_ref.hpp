#pragma once

/// @file
/// For the framework.
/// A function as a parameter that is only called during the call: nothing is copied, nothing is allocated.

#include <memory>
#include <type_traits>
#include <utility>

namespace mamey::inline v1 {

template <class Signature>
class function_ref;

/// A view of a function object, which outlives it.
template <class Result, class... Arguments>
class function_ref<Result(Arguments...)> {
 public:
  template <class Function>
    requires(!std::is_same_v<std::remove_cvref_t<Function>, function_ref> && std::is_invocable_r_v<Result, Function&, Arguments...>)
  function_ref(Function&& function) noexcept  // NOLINT(google-explicit-constructor): a lambda is passed as it is
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(function)))),
        call_([](void* object, Arguments... arguments) -> Result {
          return (*static_cast<std::remove_reference_t<Function>*>(object))(std::forward<Arguments>(arguments)...);
        }) {}

  Result operator()(Arguments... arguments) const { return call_(object_, std::forward<Arguments>(arguments)...); }

 private:
  void* object_;
  Result (*call_)(void*, Arguments...);
};

}  // namespace mamey::inline v1
