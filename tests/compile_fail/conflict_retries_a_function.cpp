// expect: mamey: a message says how often a version conflict is tried again with `static constexpr int conflict_retries = 3;`
#include <mamey/application.hpp>
struct Take {
  static constexpr int conflict_retries() { return 3; }
  int pieces = 1;
};
void take(const Take&);
auto orders = mamey::module("orders").commands<take>();
