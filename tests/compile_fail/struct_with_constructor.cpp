// expect: mamey: this type cannot be reflected
#include <mamey/core/json.hpp>
struct Order {
  Order() {}
  int quantity = 0;
};
const auto text = mamey::json::to_string(Order{});
