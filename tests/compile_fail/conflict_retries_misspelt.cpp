// expect: mamey: how often a version conflict is tried again is `static constexpr int conflict_retries`
#include <mamey/application.hpp>
struct Take {
  static constexpr int conflict_retry = 3;
  int pieces = 1;
};
void take(const Take&);
auto orders = mamey::module("orders").commands<take>();
