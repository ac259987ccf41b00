#include <mamey/application.hpp>
struct Open {
  std::string name;
};
void open(const Open&);
mamey::application orders() {
  mamey::module part("orders");
  part.commands<open>();
  part.post<Open>("/open");
  mamey::application whole("orders");
  whole.add(std::move(part));
  return whole;
}
