// expect: mamey: only a text, a list or a dictionary has a length
#include <mamey/core/validation.hpp>
struct Line {
  int quantity = 1;
  static constexpr auto rules() { return mamey::field<&Line::quantity>.length(1, 40); }
};
const auto found = mamey::validate(mamey::model_of<Line>(), nullptr);
