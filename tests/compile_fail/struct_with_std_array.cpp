// expect: mamey: an array cannot be reflected
#include <array>
#include <mamey/core/json.hpp>
struct Order {
  std::array<int, 3> counts;
};
const auto text = mamey::json::to_string(Order{});
