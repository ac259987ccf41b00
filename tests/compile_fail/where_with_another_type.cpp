// expect: mamey: `where<&OrderDto::status>(value)` compares the member with a value of its own type
#include <mamey/application.hpp>
struct OrderDto {
  mamey::uuid id;
  int lines = 0;
  static constexpr auto indexes() { return mamey::indexed<&OrderDto::lines>; }
};
auto few(mamey::read_models<OrderDto>& orders) { return orders.list({mamey::where<&OrderDto::lines>("three")}); }
