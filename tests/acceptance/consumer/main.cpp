#include <cstdio>

#include <mamey/core/json.hpp>
#include <mamey/core/reflect.hpp>
#include <mamey/observability/log.hpp>

struct Hello {
  std::string name = "world";
};

int main() {
  static const mamey::logger log{"consumer"};
  log.warning("a log line of {program}", "consumer");
  std::printf("hello %s\n", mamey::json::parse<Hello>(R"({"name":"installed package"})").name.c_str());
}
