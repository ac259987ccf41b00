// expect: mamey: a query only reads, so its handler cannot ask for a publisher
#include <mamey/application.hpp>
struct GetOrder {
  using result = std::optional<int>;
  mamey::uuid order_id;
};
std::optional<int> get_order(const GetOrder&, mamey::publisher&);
auto orders = mamey::module("orders").queries<get_order>();
