// expect: mamey: a factory or initializer may run on several loops at once, so it cannot be a mutable lambda
#include <mamey/core/services.hpp>
struct Pricing {
  int made = 0;
};
void compose(mamey::services& services) {
  services.add<Pricing>([made = 0]() mutable { return Pricing{++made}; });
}
