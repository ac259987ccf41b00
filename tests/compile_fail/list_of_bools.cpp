// expect: mamey: std::vector<bool> holds no addressable bools
#include <mamey/core/json.hpp>
struct Order {
  std::vector<bool> flags;
};
const auto text = mamey::json::to_string(Order{});
