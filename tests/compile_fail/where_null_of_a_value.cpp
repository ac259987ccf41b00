// expect: mamey: is_null asks for members without a value
#include <mamey/application.hpp>
struct OrderDto {
  mamey::uuid id;
  int lines = 0;
  static constexpr auto indexes() { return mamey::indexed<&OrderDto::lines>; }
};
auto few(mamey::read_models<OrderDto>& orders) { return orders.list(mamey::where<&OrderDto::lines>.is_null()); }
