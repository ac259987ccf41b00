// expect: mamey: a handler takes its message, a struct, by const reference
#include <mamey/application.hpp>
struct Hello {
  std::string name;
};
auto service() {
  return mamey::module("hello").get("/hello/{name}", [](Hello hello) { return hello; });
}
