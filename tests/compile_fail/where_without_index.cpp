// expect: mamey: where searches by a member that its struct declares
#include <mamey/application.hpp>
struct OrderDto {
  mamey::uuid id;
  std::string status;
  std::string city;
  static constexpr auto indexes() { return mamey::indexed<&OrderDto::city>; }
};
struct Browse {
  using result = mamey::page<OrderDto>;
};
mamey::page<OrderDto> browse(const Browse&, mamey::read_models<OrderDto>& orders) {
  return orders.list({mamey::where<&OrderDto::status>("placed")});
}
