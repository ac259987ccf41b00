/// The excerpts of docs/runtime.md, docs/http.md and docs/web.md.

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>

#include <mamey/core/error.hpp>
#include <mamey/http/client.hpp>
#include <mamey/http/message.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/sync.hpp>
#include <mamey/web/router.hpp>
#include <mamey/web/server.hpp>

namespace docs_runtime {
struct Price {
  int amount = 0;
};
}  // namespace docs_runtime

namespace {

using namespace docs_runtime;
using namespace std::chrono_literals;

int ask_pricing() {
  mamey::sleep_for(1ms);
  return 42;
}
int ask_warehouse() {
  mamey::sleep_for(1ms);
  return 7;
}

TEST(docs_runtime, two_questions_at_once_under_one_deadline) {
  // snippet when-all
  mamey::runtime process({.threads = 2});
  process.run([] {
    const mamey::deadline_scope limit(2s);
    const auto [price, stock] = mamey::when_all([] { return ask_pricing(); }, [] { return ask_warehouse(); });
    EXPECT_EQ(price * stock, 294);
  });
  // end when-all
}

TEST(docs_runtime, an_hour_passes_at_once_in_a_simulation) {
  // snippet simulation
  mamey::simulated_runtime simulation({.seed = 7});
  bool rang = false;
  simulation.loop().start_fiber("alarm", [&] {
    mamey::sleep_for(1h);
    rang = true;
  });
  simulation.advance(59min);
  EXPECT_FALSE(rang);
  simulation.advance(1min);
  EXPECT_TRUE(rang);
  // end simulation
}

TEST(docs_runtime, a_scope_joins_what_it_started) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    // snippet scope
    mamey::channel<int> results(8);
    mamey::with_scope([&](mamey::task_scope& scope) {
      scope.spawn("producer", [&] {
        for (int i = 0; i < 3; ++i) results.send(i);
        results.close();
      });
      int sum = 0;
      while (const auto next = results.receive()) sum += *next;
      EXPECT_EQ(sum, 3);
    });  // returns when every child has ended; the first exception cancels the others and is thrown here
    // end scope
  });
}

TEST(docs_http, a_server_and_a_client) {
  mamey::runtime runtime({.threads = 1});
  // snippet server
  mamey::web::router router({{.method = mamey::http_method::get,
                              .pattern = "/orders/{orderId}/pricing",
                              .handle = [](mamey::http::request& request, mamey::http::response& response) {
                                if (request.parameter("orderId") != "42") throw mamey::not_found("no_such_order", "there is no such order");
                                response.set_body("application/json", R"({"amount":20})");
                              }}});
  mamey::web::http_server server(runtime, {.urls = {"http://127.0.0.1:0"}}, router);
  server.start();  // throws unavailable naming a taken port
  // end server
  runtime.run([&] {
    // snippet client
    mamey::http::client client(runtime, {.services = {{"pricing", {.url = server.addresses().at(0).url()}}}});
    const auto pricing = client.service("pricing");

    EXPECT_EQ(pricing.get_json<Price>("/orders/42/pricing").amount, 20);               // throws the exception for a bad status
    EXPECT_FALSE(pricing.find_json<Price>("/orders/43/pricing").has_value());          // empty for 404
    EXPECT_EQ(pricing.send({.url = "/orders/43/pricing", .retries = 0}).status, 404);  // every status is an answer
    // end client
    // snippet client-call
    const auto quick =
        pricing.get_json<Price>("/orders/42/pricing", {.timeout = 200ms, .retries = 0, .headers = {{"X-Reason", "preview"}}});
    // end client-call
    EXPECT_EQ(quick.amount, 20);
  });
  runtime.run([&] {
    // snippet stop
    server.stop_accepting();                                // answers carry Connection: close from now on
    EXPECT_TRUE(server.drain(mamey::deadline_after(10s)));  // waits for connections to end
    server.close();                                         // cancels the requests that still run
    // end stop
  });
}

}  // namespace
