// expect: mamey: a member of this struct has no default constructor
#include <mamey/core/json.hpp>
struct Order {
  int quantity = 0;
  int& counter;
};
void read(Order& order) { mamey::json::read("{}", mamey::model_of<Order>(), &order); }
