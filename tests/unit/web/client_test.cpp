#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/http/client.hpp>
#include <mamey/observability/span.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/stream.hpp>
#include <mamey/runtime/sync.hpp>

#include "server_fixture.hpp"

namespace client_types {

struct price {
  std::string sku;
  int amount = 0;
};

}  // namespace client_types

namespace {

using namespace mamey;
using namespace mamey_test;
using namespace client_types;
using namespace std::chrono_literals;

/// A server and a client on one runtime; tests run in a fiber.
struct both {
  explicit both(function_handler::function answers, http::client_options options = {}) : at(std::move(answers)), client(at.runtime, with_service(std::move(options), at.port)), url("http://127.0.0.1:" + std::to_string(at.port)) {}

  static http::client_options with_service(http::client_options options, std::uint16_t port) {
    options.services.emplace("pricing", "http://127.0.0.1:" + std::to_string(port) + "/");
    options.retry_delay = 1ms;
    return options;
  }
  void run(const std::function<void()>& body) { at.runtime.run(body); }

  running_server at;
  http::client client;
  std::string url;
};

/// What a call throws: `kind code`, or the empty text.
template <class Call>
std::string failure_of(Call call) {
  try {
    call();
  } catch (const error& e) {
    return e.code();
  }
  return "";
}

TEST(http_client, calls_again_on_the_same_connection) {
  both test(echo);
  test.run([&] {
    for (int i = 0; i < 5; ++i) EXPECT_EQ(test.client.get(test.url + "/a").body, "GET /a ");
    const auto posted = test.client.send({.method = http_method::post, .url = test.url + "/b?x=1", .headers = {{"X-A", "1"}}, .body = "text", .content_type = "text/plain"});
    EXPECT_EQ(posted.body, "POST /b text");
    EXPECT_EQ(posted.header("content-type"), "text/plain");
  });
  EXPECT_EQ(test.at.server.read_statistics().connections_accepted, 1U);
  EXPECT_EQ(test.client.read_statistics().connections_reused, 5U);
}

TEST(http_client, speaks_json_with_named_services) {
  both test([](http::request& request, http::response& response) {
    if (request.path() == "/missing") return void(response.set_status(404).set_body("application/json", R"({"code":"no_price","reason":"there is none"})"));
    if (request.path() == "/taken") return void(response.set_status(409).set_body("application/json", R"({"code":"taken","message":"it is taken"})"));
    if (request.path() == "/odd") return void(response.set_body("application/json", R"({"amount":"many"})"));
    if (request.path() == "/broken") return void(response.set_status(500));
    response.set_body("application/json", request.body().empty() ? R"({"sku":"a","amount":20})" : request.body());
  });
  test.run([&] {
    const auto pricing = test.client.service("Pricing");
    EXPECT_EQ(pricing.get_json<price>("/a").amount, 20);
    EXPECT_EQ(pricing.post_json<price>("/b", price{"x", 7}).amount, 7);
    EXPECT_FALSE(pricing.find_json<price>("/missing"));
    EXPECT_EQ(failure_of([&] { pricing.get_json<price>("/missing"); }), "no_price");
    EXPECT_EQ(failure_of([&] { pricing.post_json("/taken", price{}); }), "taken");
    EXPECT_EQ(failure_of([&] { pricing.get_json<price>("/odd"); }), "malformed_answer");
    EXPECT_EQ(failure_of([&] { pricing.get_json<price>("/broken"); }), "unexpected_answer");
    EXPECT_EQ(failure_of([&] { test.client.service("unknown"); }), "unknown_service");
    EXPECT_THROW(test.client.get("ftp://127.0.0.1/"), std::invalid_argument);
    EXPECT_THROW(test.client.send({.url = test.url, .headers = {{"X", "a\r\nb"}}}), std::invalid_argument);
  });
}

TEST(http_client, takes_the_context_along) {
  both test([](http::request& request, http::response& response) {
    std::string text;
    for (const auto& each : request.headers()) text.append(each.name).append("=").append(each.value).append("\n");
    response.body() = text;
  });
  test.run([&] {
    ambient_context context;
    context.correlation_id = "corr-1";
    context.trace = trace_context::make_root(true);
    context.baggage = {{"Correlation-Context", R"({"correlationId":"corr-1"})"}, {"tier", "gold plated"}};
    context.deadline = steady_now() + 10s;
    const context_scope scope(context);
    const auto seen = test.client.get(test.url).body;
    EXPECT_NE(seen.find("X-Correlation-ID=corr-1\n"), std::string::npos) << seen;
    EXPECT_NE(seen.find("Correlation-Context={\"correlationId\":\"corr-1\"}\n"), std::string::npos) << seen;
    EXPECT_NE(seen.find("traceparent=00-" + context.trace.trace_id_text()), std::string::npos) << seen;
    EXPECT_NE(seen.find("baggage=tier=gold%20plated\n"), std::string::npos) << seen;
    EXPECT_NE(seen.find("X-Request-Timeout="), std::string::npos) << seen;
  });
}

TEST(http_client, each_try_is_a_span_whose_id_the_server_gets) {
  struct keeping_exporter final : tracing::span_exporter {
    void take(tracing::span_record&& record) noexcept override { records.push_back(std::move(record)); }
    std::vector<tracing::span_record> records;
  };
  const auto spans = std::make_shared<keeping_exporter>();
  std::vector<trace_context> got;
  both test([&](http::request& request, http::response& response) {
    got.push_back(*trace_context::parse(request.header("traceparent").value_or("")));
    response.set_status(got.size() == 1 ? 503 : 200);
  });
  test.run([&] {
    const auto caller = trace_context::make_root(true);
    const context_scope scope({.trace = caller});
    tracing::set_exporter(spans);
    test.client.get(test.url);
    tracing::set_exporter(nullptr);
    EXPECT_EQ(current_context().trace.span_id, caller.span_id) << "the caller's own span is as before";
    ASSERT_EQ(spans->records.size(), 2u);
    ASSERT_EQ(got.size(), 2u);
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(spans->records[i].kind, tracing::span_kind::client);
      EXPECT_EQ(spans->records[i].place.parent, caller.span_id);
      EXPECT_EQ(spans->records[i].place.id, got[i].span_id);
      EXPECT_EQ(got[i].trace_id, caller.trace_id);
      EXPECT_TRUE(got[i].sampled);
    }
  });
}

TEST(http_client, tries_again_where_that_is_safe) {
  std::atomic<int> calls{0};
  both test([&](http::request& request, http::response& response) {
    if (++calls % 3 != 0) response.set_status(503);
    echo(request, response);
  });
  test.run([&] {
    const auto answer = test.client.get(test.url);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.tries, 3);
    calls = 0;
    EXPECT_EQ(test.client.send({.method = http_method::post, .url = test.url}).status, 503) << "a POST may have worked";
    EXPECT_EQ(calls, 1);
    calls = 0;
    EXPECT_EQ(test.client.send({.url = test.url, .retries = 0}).status, 503);
  });
}

TEST(http_client, does_not_wait_longer_than_its_caller) {
  both test([](http::request&, http::response&) { sleep_for(1h); }, {.retries = 0, .try_timeout = 30ms, .breaker_failures = 0});
  test.run([&] {
    EXPECT_EQ(failure_of([&] { test.client.get(test.url); }), "no_answer_in_time");
    const deadline_scope deadline(10ms);
    // Either we give up, or the server does, which was told how much time is left.
    EXPECT_THROW(http::throw_unless_ok(test.client.send({.url = test.url, .retries = 5}), "it"), deadline_exceeded);
  });
  test.at.server.close();
}

TEST(http_client, a_port_without_a_server_is_unavailable_and_opens_the_breaker) {
  both test(echo, {.retries = 0, .breaker_failures = 3, .breaker_open = 1h});
  test.at.server.close();
  test.run([&] {
    for (int i = 0; i < 3; ++i) EXPECT_EQ(failure_of([&] { test.client.get(test.url); }), "no_connection");
    EXPECT_EQ(failure_of([&] { test.client.get(test.url); }), "circuit_open");
  });
  EXPECT_EQ(test.client.read_statistics().tries, 3U);
}

TEST(http_client, a_pooled_connection_that_the_server_closed_is_not_used) {
  running_server at(echo, {.idle_timeout = 5ms});
  http::client client(at.runtime);
  at.runtime.run([&] {
    const auto url = "http://127.0.0.1:" + std::to_string(at.port);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(client.send({.method = http_method::post, .url = url, .retries = 0}).status, 200);
      while (at.server.read_statistics().connections_open > 0) yield();
    }
  });
}

TEST(http_client, waits_for_a_place_in_the_pool) {
  both test([](http::request& request, http::response& response) {
    sleep_for(2ms);
    echo(request, response);
  }, {.connections = 2});
  test.run([&] {
    std::atomic<int> answered{0};
    with_scope([&](task_scope& scope) {
      for (int i = 0; i < 10; ++i) scope.spawn("call", [&] { answered += test.client.get(test.url).ok() ? 1 : 0; });
    });
    EXPECT_EQ(answered, 10);
  });
  EXPECT_LE(test.at.server.read_statistics().connections_accepted, 2U);
}

/// A server that answers with prepared bytes, whatever it is asked, one connection after the other.
struct scripted_server {
  scripted_server(runtime& on, std::vector<std::string> script) : loop(on.loop(0)), answers(std::move(script)), listener("127.0.0.1", 0) {
    on.run([this] {
      listener.start([this](socket_handle socket) {
        if (next == answers.size()) return;
        auto stream = std::make_shared<tcp_stream>(std::move(socket));
        loop.start_fiber("scripted", [stream, answer = answers[next++]] {
          char bytes[4096];
          try {
            if (stream->read_some(bytes) > 0) stream->write(answer);
          } catch (const std::exception&) {
            return;  // the client had enough
          }
        });
      });
    });
  }
  void stop(runtime& on) {
    on.run([this] { listener.close(); });
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(listener.port()); }

  event_loop& loop;
  std::vector<std::string> answers;
  std::size_t next = 0;
  tcp_listener listener;
};

TEST(http_client, reads_every_kind_of_answer_and_refuses_what_is_cut_short) {
  runtime loops({.threads = 1});
  http::client client(loops, {.retries = 0, .max_response_bytes = 1000, .breaker_failures = 0});
  scripted_server server(loops, {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                                 "HTTP/1.0 200 OK\r\n\r\nto the end",
                                 "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\ncut",
                                 "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n",
                                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
                                 "",
                                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
                                 "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"});
  loops.run([&] {
    EXPECT_EQ(client.get(server.url()).body, "abc");
    EXPECT_EQ(client.get(server.url()).body, "to the end");
    for (int i = 0; i < 4; ++i) EXPECT_EQ(failure_of([&] { client.get(server.url()); }), "connection_broken") << i;
    EXPECT_EQ(client.get(server.url()).body, "ok");
    EXPECT_EQ(client.get(server.url()).body, "good") << "an answer that nobody asked for is never taken for the next";
  });
  server.stop(loops);
}

}  // namespace
