#include <mamey/application.hpp>
struct Open {
  std::string name;
};
struct Tell {
  std::string name;
};
struct GetDoor {
  using result = int;
};
void handle(const Open&);
void handle(const Tell&, mamey::publisher&);
int handle(const GetDoor&);
auto service() {
  return mamey::module("doors")
      .commands<static_cast<void (*)(const Open&)>(handle), static_cast<void (*)(const Tell&, mamey::publisher&)>(handle)>()
      .queries<static_cast<int (*)(const GetDoor&)>(handle)>()
      .post("/tell/{name}", [](const Tell& tell, mamey::publisher& messages) { messages.publish(tell); });
}
static_assert(mamey::unqualified(mamey::function_name<static_cast<void (*)(const Open&)>(handle)>) == "handle");
