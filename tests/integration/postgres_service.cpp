// A service with nothing but a database, for tests of its start.

#include <mamey/application.hpp>
#include <mamey/persistence/postgres/feature.hpp>

struct Ping {};
struct Pong {
  std::string text = "pong";
};

int main(int argc, char** argv) {
  return mamey::application("late").add(mamey::postgres()).get("/ping", [](const Ping&) { return Pong{}; }).run(argc, argv);
}
