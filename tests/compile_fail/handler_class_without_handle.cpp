// expect: mamey: a handler class has one public member function handle(const Message&, …)
#include <mamey/core/signature.hpp>
struct Clock {};
struct CreateOrderHandler {
  Clock& clock;
};
using parts = mamey::signature<CreateOrderHandler>::message;
