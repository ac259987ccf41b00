#include <mamey/application.hpp>

struct Hello {
  std::string name = "world";
};
struct Greeting {
  std::string text;
};

int main(int argc, char** argv) {
  return mamey::application("hello")
      .get("/hello/{name}", [](const Hello& hello) { return Greeting{"Hello, " + hello.name + "!"}; })
      .run(argc, argv);
}
