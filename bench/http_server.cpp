// What a request costs through everything a service has in its way: server, router, binding, JSON, metrics. `http_endpoint.py` asks it. usage:
// bench_http_server PORT

#include <cstdio>
#include <cstdlib>
#include <string>

#include <mamey/core/json.hpp>
#include <mamey/observability/http_metrics.hpp>
#include <mamey/observability/metrics.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/shutdown.hpp>
#include <mamey/web/binding.hpp>
#include <mamey/web/router.hpp>
#include <mamey/web/server.hpp>

namespace {

struct Hello {
  std::string name;
};

struct Greeting {
  std::string text;
};

}  // namespace

int main(int argc, char** argv) {
  using namespace mamey;
  signal_watcher signals;
  const std::string port = argc > 1 ? argv[1] : "0";

  metrics::registry registry;
  metrics::http_server_metrics counted(registry);
  auto& endpoint = counted.at("GET", "/hello/{name}", "bench", "hello");

  web::router router(
      {{.method = http_method::get, .pattern = "/hello/{name}", .handle = [&](const http::request& request, http::response& response) {
          const auto arrived = round_time();
          endpoint.started();
          const auto hello = web::bind<Hello>(request);
          const Greeting greeting{"Hello, " + hello.name + "!"};
          response.set_content_type("application/json");
          json::write(response.body(), model_of<Greeting>(), &greeting);
          endpoint.finished(response.status(), steady_now() - arrived);
        }}});
  runtime loops({.threads = 1});
  web::http_server server(loops, {.urls = {"http://127.0.0.1:" + port}}, router);
  server.start();
  std::printf("%u\n", server.addresses().front().port);
  std::fflush(stdout);
  loops.run([&] { signals.wait(); });
}
