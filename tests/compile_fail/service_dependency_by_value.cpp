// expect: mamey: no constructor of this service can be injected. Take dependencies by reference
#include <mamey/core/services.hpp>
struct Clock {};
class Pricing {
 public:
  explicit Pricing(Clock);
};
void compose(mamey::services& services) { services.add<Pricing>(); }
