// expect: mamey: a handler takes its message, a struct, by const reference
#include <mamey/core/signature.hpp>
struct CreateOrder {};
void create_order(CreateOrder);
using parts = mamey::signature<decltype(create_order)>::message;
