// expect: mamey: a struct with bit-fields cannot be reflected
#include <mamey/core/json.hpp>
struct Order {
  int quantity : 3;
  int other;
};
const auto text = mamey::json::to_string(Order{});
