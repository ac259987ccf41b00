// expect: mamey: indexes() and unique_indexes() are static, take nothing and return members
#include <mamey/application.hpp>
struct OrderDto {
  mamey::uuid id;
  int lines = 0;
  static constexpr auto indexes() { return &OrderDto::lines; }
};
const auto& orders = mamey::read_model_collection<OrderDto>();
