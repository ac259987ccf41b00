// expect: mamey: rules() names a member of another type
#include <mamey/core/validation.hpp>
struct Line {
  int quantity = 1;
};
struct Order {
  Line line;
  static constexpr auto rules() { return mamey::all(mamey::field<&Line::quantity>.at_least(1)); }
};
const auto found = mamey::validate(mamey::model_of<Order>(), nullptr);
