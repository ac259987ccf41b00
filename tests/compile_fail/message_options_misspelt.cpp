// expect: mamey: a contract is declared as `static constexpr mamey::message_options message
#include <mamey/domain/message.hpp>
struct OrderCreated {
  static constexpr mamey::message_options options{.exchange = "orders"};
  int amount = 0;
};
const auto& info = mamey::message_info_of<OrderCreated>();
