// expect: mamey: subscribes<…>() lists commands
#include <mamey/host/module.hpp>
struct GetOrder {
  using result = int;
};
auto orders() { return mamey::module("orders").subscribes<GetOrder>(); }
