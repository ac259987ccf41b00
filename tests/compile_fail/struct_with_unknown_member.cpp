// expect: mamey: this type cannot be reflected
#include <mamey/core/json.hpp>
#include <memory>
struct Order {
  std::string sku;
  std::unique_ptr<int> quantity;
};
const auto text = mamey::json::to_string(Order{});
