// expect: mamey: a condition names members of the type that is searched
#include <mamey/application.hpp>
struct OrderDto {
  mamey::uuid id;
  int lines = 0;
  static constexpr auto indexes() { return mamey::indexed<&OrderDto::lines>; }
};
struct CartDto {
  mamey::uuid id;
  int items = 0;
  static constexpr auto indexes() { return mamey::indexed<&CartDto::items>; }
};
auto few(mamey::read_models<OrderDto>& orders) { return orders.list(mamey::where<&CartDto::items>(3)); }
