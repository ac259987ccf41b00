// expect: mamey: a factory or initializer takes its dependencies by reference
#include <mamey/core/services.hpp>
struct Clock {};
struct Pricing {};
void compose(mamey::services& services) {
  services.add<Pricing>([](Clock) { return Pricing(); });
}
