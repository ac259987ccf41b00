// expect: mamey: a character cannot be reflected
#include <mamey/core/json.hpp>
struct Order {
  char grade;
};
const auto text = mamey::json::to_string(Order{});
