#include <mamey/application.hpp>
#include <mamey/persistence/sqlite/feature.hpp>

struct Hello {
  std::string name = "world";
};
struct Greeting {
  std::string text;
};

int main(int argc, char** argv) {
  return mamey::application("consumer")
      .add(mamey::sqlite())
      .get("/hello/{name}", [](const Hello& hello) { return Greeting{"Hello, " + hello.name + "!"}; })
      .run(argc, argv);
}
