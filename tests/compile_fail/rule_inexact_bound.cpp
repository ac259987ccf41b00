// expect: mamey: a bound of an integer or decimal is exact
#include <mamey/core/validation.hpp>
struct Line {
  mamey::decimal price;
  static constexpr auto rules() { return mamey::field<&Line::price>.at_least(0.01); }
};
const auto found = mamey::validate(mamey::model_of<Line>(), nullptr);
