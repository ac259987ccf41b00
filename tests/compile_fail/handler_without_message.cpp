// expect: mamey: a handler's first parameter is its message
#include <mamey/core/signature.hpp>
void create_order();
using parts = mamey::signature<decltype(create_order)>::message;
