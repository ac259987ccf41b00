// expect: mamey: only a number has bounds
#include <mamey/core/validation.hpp>
struct Line {
  std::string sku;
  static constexpr auto rules() { return mamey::field<&Line::sku>.at_least(1); }
};
const auto found = mamey::validate(mamey::model_of<Line>(), nullptr);
