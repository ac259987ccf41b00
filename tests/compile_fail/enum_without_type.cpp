// expect: mamey: an enum without a fixed underlying type cannot be reflected
#include <mamey/core/json.hpp>
enum Status { placed, delivered };
struct Order {
  Status status = placed;
};
const auto text = mamey::json::to_string(Order{});
