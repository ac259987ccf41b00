// expect: mamey: what can be searched and sorted by stands in `indexes()`
#include <mamey/application.hpp>
struct OrderDto {
  mamey::uuid id;
  int lines = 0;
  static constexpr auto index() { return mamey::indexed<&OrderDto::lines>; }
};
const auto& orders = mamey::read_model_collection<OrderDto>();
