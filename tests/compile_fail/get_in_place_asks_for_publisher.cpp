// expect: mamey: a GET only reads, so what is written beside it cannot ask for a publisher: bind what publishes or sends with .post.
#include <mamey/application.hpp>
struct Hello {
  std::string name;
};
auto service() {
  return mamey::application("hello").get("/hello/{name}", [](const Hello& hello, mamey::publisher& messages) {
    messages.publish(hello);
    return hello;
  });
}
