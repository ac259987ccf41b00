// expect: mamey: a handler takes its dependencies by reference
#include <mamey/core/signature.hpp>
struct CreateOrder {};
struct Pricing {};
void create_order(const CreateOrder&, Pricing);
using parts = mamey::signature<decltype(create_order)>::message;
