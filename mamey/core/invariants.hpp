#pragma once

/// @file
/// For the framework.
/// State machines: their invariants are asserted after every event where asserts are on (debug and sanitizer builds).

#include <exception>
#include <string_view>

namespace mamey::inline v1::detail {

#ifdef NDEBUG
constexpr bool asserts_invariants = false;
#else
constexpr bool asserts_invariants = true;
#endif

/// Ends the process with a line that names the machine and the invariant that does not hold. `broken` empty: all hold, no effect.
void require_invariants(std::string_view machine, std::string_view broken) noexcept;

/// The first line of a function that handles an event. Asserts `of.check()` when the function returns: the first invariant that does not
/// hold, empty when all hold. An exception leaves without it. `wanted` false: a test has switched a defect on.
template <class Machine>
class invariants_after {
 public:
  invariants_after(const Machine& of, std::string_view name, bool wanted = true) noexcept : of_(of), name_(name), wanted_(wanted) {}
  ~invariants_after() {
    if constexpr (asserts_invariants) {
      if (wanted_ && std::uncaught_exceptions() == thrown_) require_invariants(name_, of_.check());
    }
  }
  invariants_after(const invariants_after&) = delete;
  invariants_after& operator=(const invariants_after&) = delete;

 private:
  const Machine& of_;
  std::string_view name_;
  bool wanted_;
  int thrown_ = asserts_invariants ? std::uncaught_exceptions() : 0;
};

}  // namespace mamey::inline v1::detail
