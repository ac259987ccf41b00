// expect: mamey: add<Interface, Implementation>() needs an Implementation that derives publicly from Interface
#include <mamey/core/services.hpp>
struct Pricing {};
struct FlatPricing {};
void compose(mamey::services& services) { services.add<Pricing, FlatPricing>(); }
