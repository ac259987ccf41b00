// expect: mamey: an array cannot be reflected
#include <mamey/core/json.hpp>
struct Order {
  char sku[40];
};
const auto text = mamey::json::to_string(Order{});
