// expect: mamey: `message` of a message type is its contract
#include <mamey/domain/message.hpp>
struct OrderCreated {
  static constexpr const char* message = "orders";
  int amount = 0;
};
const auto& info = mamey::message_info_of<OrderCreated>();
