// expect: mamey: less, at_most, greater, at_least and between compare numbers, texts, decimals, times, durations and uuids
#include <mamey/application.hpp>
enum class Status { open, closed };
struct OrderDto {
  mamey::uuid id;
  Status status = Status::open;
  static constexpr auto indexes() { return mamey::indexed<&OrderDto::status>; }
};
auto few(mamey::read_models<OrderDto>& orders) { return orders.list(mamey::where<&OrderDto::status>.less(Status::closed)); }
