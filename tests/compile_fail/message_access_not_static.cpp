// expect: mamey: access() of a message is static and returns a rule
#include <mamey/domain/message.hpp>
struct Refund {
  int amount = 0;
  constexpr auto access() const { return mamey::requires_authenticated(); }
};
const auto& info = mamey::message_info_of<Refund>();
