// expect: mamey: a host takes its applications over
#include <mamey/application.hpp>
mamey::application orders();
int run() {
  auto part = orders();
  return mamey::host("shop").add(part).run(0, nullptr);
}
