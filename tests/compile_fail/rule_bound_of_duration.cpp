// expect: mamey: a bound of a duration is a duration
#include <mamey/core/time.hpp>
#include <mamey/core/validation.hpp>
struct Waits {
  std::chrono::milliseconds timeout{1};
  static constexpr auto rules() { return mamey::field<&Waits::timeout>.at_least(1); }
};
const auto found = mamey::validate(mamey::model_of<Waits>(), nullptr);
