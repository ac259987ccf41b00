// expect: mamey: who may have a message handled stands in `static constexpr auto access()`
#include <mamey/domain/message.hpp>
struct Refund {
  int amount = 0;
  static constexpr auto acces() { return mamey::requires_authenticated(); }
};
const auto& info = mamey::message_info_of<Refund>();
