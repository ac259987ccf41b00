// expect: mamey: this service is abstract: say which class implements it
#include <mamey/core/services.hpp>
struct Pricing {
  virtual ~Pricing() = default;
  virtual int total() const = 0;
};
void compose(mamey::services& services) { services.add<Pricing>(); }
