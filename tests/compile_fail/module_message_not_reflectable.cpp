// expect: mamey: a pointer or reference cannot be reflected
#include <mamey/application.hpp>
struct CreateOrder {
  const char* name;
};
void create_order(const CreateOrder&);
auto service() { return mamey::module("orders").commands<create_order>(); }
