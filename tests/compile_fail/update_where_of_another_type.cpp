// expect: mamey: update_where takes assign<&Model::member>(value) of members of the read model
#include <mamey/application.hpp>
struct OrderDto {
  mamey::uuid id;
  int lines = 0;
  static constexpr auto indexes() { return mamey::indexed<&OrderDto::lines>; }
};
struct CartDto {
  mamey::uuid id;
  int items = 0;
};
void clear(mamey::read_models<OrderDto>& orders) {
  orders.update_where(mamey::where<&OrderDto::lines>(3), mamey::assign<&OrderDto::lines>(0), mamey::assign<&CartDto::items>(0));
}
