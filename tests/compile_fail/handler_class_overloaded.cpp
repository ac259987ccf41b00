// expect: mamey: a handler class has one public member function handle(const Message&, …), not overloaded and not a template
#include <mamey/application.hpp>
struct Open {
  std::string name;
};
struct Close {
  std::string name;
};
class doors {
 public:
  void handle(const Open&) {}
  void handle(const Close&) {}
};
auto service() { return mamey::module("doors").commands<doors>(); }
