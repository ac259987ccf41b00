// expect: mamey: no constructor of this service can be injected
#include <mamey/core/services.hpp>
struct Clock {};
class Pricing {
 public:
  Pricing(Clock&, int timeout_ms);
};
void compose(mamey::services& services) { services.add<Pricing>(); }
