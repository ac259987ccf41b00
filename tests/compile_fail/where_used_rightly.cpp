#include <mamey/application.hpp>
enum class Status { open, closed };
struct OrderState {
  std::optional<mamey::uuid> customer_id;
  std::string sku;
  Status status = Status::open;
  std::optional<mamey::timestamp> paid_at;
  int lines = 0;
  mamey::decimal total;
  static constexpr auto indexes() {
    return mamey::indexed<&OrderState::customer_id, &OrderState::status, &OrderState::paid_at, &OrderState::lines, &OrderState::total>;
  }
  static constexpr auto unique_indexes() { return mamey::indexed<&OrderState::sku>; }
};
struct Order : mamey::aggregate<mamey::uuid, OrderState> {};
using mamey::where;
auto all(mamey::repository<Order>& orders, std::optional<Status> status, const std::vector<Status>& some,
         std::optional<mamey::timestamp> from, std::optional<std::vector<Status>> any) {
  const auto listed =
      where<&OrderState::status>.in(some) || where<&OrderState::status>.in({Status::open}) || where<&OrderState::status>.in(any);
  const auto paid = !where<&OrderState::paid_at>.is_null() && where<&OrderState::paid_at>.between(from, mamey::timestamp{});
  const auto large = where<&OrderState::lines>.greater(10U) || where<&OrderState::total>.at_least(10) ||
                     where<&OrderState::total>.at_most(mamey::decimal("2.5"));
  orders.update_where(large, mamey::assign<&OrderState::status>(Status::closed), mamey::assign<&OrderState::paid_at>(std::nullopt),
                      mamey::assign<&OrderState::sku>("x"));
  orders.remove_where(where<&OrderState::sku>.starts_with("old-"));
  static_cast<void>(orders.count());
  static_cast<void>(orders.exists(paid));
  static_cast<void>(orders.find_many({mamey::uuid{}}));
  return orders.list({where<&OrderState::customer_id>(mamey::uuid{}), where<&OrderState::customer_id>(std::optional<mamey::uuid>{}),
                      where<&OrderState::sku>("sku-1"), where<&OrderState::status>(status), where<&OrderState::status>(Status::closed),
                      listed, paid, large});
}
