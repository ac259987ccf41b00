// expect: mamey: access() of a message is static and returns a rule
#include <mamey/domain/message.hpp>
struct Refund {
  int amount = 0;
  static constexpr auto access = mamey::requires_authenticated();
};
const auto& info = mamey::message_info_of<Refund>();
