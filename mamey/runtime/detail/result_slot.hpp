#pragma once

/// @file
/// Keeps what a function returns until somebody takes it: values, references and void alike.

#include <optional>
#include <utility>

namespace mamey::inline v1::detail {

template <class Result>
class result_slot {
 public:
  template <class Function>
  void fill(Function&& function) {
    value_.emplace(std::forward<Function>(function)());
  }
  Result take() { return std::move(*value_); }

 private:
  std::optional<Result> value_;
};

template <class Result>
class result_slot<Result&> {
 public:
  template <class Function>
  void fill(Function&& function) {
    value_ = &std::forward<Function>(function)();
  }
  Result& take() { return *value_; }

 private:
  Result* value_ = nullptr;
};

template <>
class result_slot<void> {
 public:
  template <class Function>
  void fill(Function&& function) {
    std::forward<Function>(function)();
  }
  void take() {}
};

}  // namespace mamey::inline v1::detail
