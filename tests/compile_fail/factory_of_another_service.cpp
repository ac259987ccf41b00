// expect: mamey: a factory returns the service
#include <mamey/core/services.hpp>
struct Clock {};
struct Pricing {};
void compose(mamey::services& services) {
  services.add<Pricing>([](Clock& clock) { return clock; });
}
