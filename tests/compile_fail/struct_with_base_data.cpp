// expect: mamey: a struct with a base class that has data cannot be reflected
#include <mamey/core/json.hpp>
struct Entity {
  int id = 0;
};
struct Order : Entity {
  int quantity = 0;
};
const auto text = mamey::json::to_string(Order{});
