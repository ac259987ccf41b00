// expect: mamey: a pointer or reference cannot be reflected
#include <mamey/core/json.hpp>
struct Order {
  const char* sku = "";
};
const auto text = mamey::json::to_string(Order{});
