// expect: mamey: a handler's first parameter is its message
#include <mamey/application.hpp>
void create_order();
auto service() { return mamey::module("orders").commands<create_order>(); }
