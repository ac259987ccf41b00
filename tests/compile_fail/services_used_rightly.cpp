#include <mamey/core/signature.hpp>
struct Clock {};
struct Pricing {
  virtual ~Pricing() = default;
};
struct FlatPricing : Pricing {
  explicit FlatPricing(const Clock&) {}
};
struct CreateOrder {};
void create_order(const CreateOrder&, Pricing&, const Clock&);
struct CreateOrderHandler {
  Clock& clock;
  int handle(const CreateOrder&);
};
static_assert(mamey::signature<decltype(create_order)>::needs.size() == 2);
static_assert(mamey::signature<CreateOrderHandler>::is_class);
void compose(mamey::services& services) {
  services.add<Clock>().add<Pricing, FlatPricing>(mamey::lifetime::scoped);
  services.replace<Pricing>([](Clock& clock) { return FlatPricing(clock); }, mamey::lifetime::transient);
}
