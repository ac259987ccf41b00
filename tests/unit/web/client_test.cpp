#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/http/client.hpp>
#include <mamey/http/detail/connection_pool.hpp>
#include <mamey/observability/span.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/stream.hpp>
#include <mamey/runtime/sync.hpp>

#include "../observability/log_capture.hpp"
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
  explicit both(function_handler::function answers, http::client_options options = {})
      : at(std::move(answers)),
        client(at.runtime, with_service(std::move(options), at.port)),
        url("http://127.0.0.1:" + std::to_string(at.port)) {}

  static http::client_options with_service(http::client_options options, std::uint16_t port) {
    options.services["pricing"].url = "http://127.0.0.1:" + std::to_string(port) + "/";
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
    const auto posted = test.client.send(
        {.method = http_method::post, .url = test.url + "/b?x=1", .headers = {{"X-A", "1"}}, .body = "text", .content_type = "text/plain"});
    EXPECT_EQ(posted.body, "POST /b text");
    EXPECT_EQ(posted.header("content-type"), "text/plain");
  });
  EXPECT_EQ(test.at.server.read_statistics().connections_accepted, 1U);
  EXPECT_EQ(test.client.read_statistics().connections_reused, 5U);
}

TEST(http_client, a_resolver_is_asked_for_each_try_and_an_instance_with_an_open_breaker_is_passed_over) {
  both test(echo, {.breaker_failures = 1});
  std::vector<std::string> asked;
  test.client.set_resolver("phonebook", [&](std::string_view service) {
    asked.emplace_back(service);
    return asked.size() % 2 == 1 ? std::string("127.0.0.1:1") : test.url + "/base/";
  });
  test.run([&] {
    EXPECT_EQ(test.client.service("stock").get("/a").body, "GET /base/a ") << "the first instance is away";
    EXPECT_EQ(test.client.send({.method = http_method::post, .url = "http://stock/b", .body = "text"}).body, "POST /base/b text")
        << "its breaker is open";
    EXPECT_EQ(test.client.get(test.url + "/c").body, "GET /c ") << "an address is called as it is";
  });
  EXPECT_EQ(asked, std::vector<std::string>(4, "stock"));
  EXPECT_EQ(test.client.read_statistics().refused_by_breaker, 1U);
}

TEST(http_client, a_service_that_a_resolver_cannot_find_is_named_with_it) {
  both test(echo);
  std::string address;
  test.client.set_resolver("phonebook", [&](std::string_view) {
    if (address == "torn") throw std::runtime_error("the page is torn");
    return address;
  });
  const auto said = [&] {
    try {
      test.client.get("http://stock/a");
    } catch (const unavailable& e) {
      return e.code() + ": " + e.reason();
    }
    return std::string();
  };
  test.run([&] {
    EXPECT_EQ(said(), "no_address: the service stock has no address: phonebook knows none");
    address = "ftp://x";
    EXPECT_EQ(said(),
              "no_address: the service stock has no address: expected one such as http://10.0.0.7:5003 from phonebook, got \"ftp://x\"");
    address = "torn";
    EXPECT_EQ(said(), "no_address: the service stock has no address: phonebook failed to resolve it: std::runtime_error: the page is torn");
  });
}

TEST(http_client, speaks_json_with_named_services) {
  both test([](http::request& request, http::response& response) {
    if (request.path() == "/missing")
      return void(response.set_status(404).set_body("application/json", R"({"code":"no_price","reason":"there is none"})"));
    if (request.path() == "/taken")
      return void(response.set_status(409).set_body("application/json", R"({"code":"taken","message":"it is taken"})"));
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

TEST(http_client, every_verb_exchanges_json_and_a_call_may_differ_from_the_settings) {
  std::atomic<int> calls = 0;
  both test([&](http::request& request, http::response& response) {
    ++calls;
    if (request.path() == "/slow") sleep_for(1h);
    if (request.path() == "/away") response.set_status(503);
    response.set_body("application/json", R"({"sku":")" + std::string(request.method_text()) + " " +
                                              std::string(request.header("x-key").value_or("-")) + " " +
                                              std::string(request.header("accept").value_or("-")) + R"(","amount":)" +
                                              std::to_string(request.body().size()) + "}");
  });
  test.run([&] {
    const auto pricing = test.client.service("pricing");
    EXPECT_EQ(pricing.patch_json<price>("/a", price{"x", 7}).sku, "PATCH - application/json");
    EXPECT_EQ(pricing.delete_json<price>("/a").sku, "DELETE - application/json");
    EXPECT_EQ(test.client.patch_json<price>(test.url + "/a", price{}, {.headers = {{"X-Key", "42"}, {"Accept", "text/x"}}}).sku,
              "PATCH 42 text/x");
    pricing.delete_json("/a");
    // The service hears of this timeout and may refuse before it has passed here.
    EXPECT_THROW(pricing.get_json<price>("/slow", {.timeout = 50ms}), deadline_exceeded);
    EXPECT_EQ(failure_of([&] { pricing.get_json<price>("/slow", {.try_timeout = 50ms, .retries = 0}); }), "no_answer_in_time");
    calls = 0;
    EXPECT_NE(failure_of([&] { pricing.get_json<price>("/away", {.retries = 0}); }), "");
    EXPECT_EQ(calls, 1);
    EXPECT_NE(failure_of([&] { pricing.get_json<price>("/away"); }), "");
    EXPECT_EQ(calls, 4) << "the settings hold again";
  });
  test.at.server.close();
}

TEST(http_client, each_service_has_its_own_settings_and_its_own_breaker_also_behind_one_address) {
  std::atomic<int> calls = 0;
  both test(
      [&](http::request& request, http::response& response) {
        ++calls;
        if (request.path().starts_with("/catalog/slow")) sleep_for(1h);
        if (request.path().starts_with("/catalog/large")) response.body().assign(2'000, 'x');
        if (request.path().starts_with("/catalog/broken")) response.set_status(500);
      },
      {.services = {{"Catalog",
                     {.try_timeout = 50ms,
                      .retries = 1,
                      .retry_delay = 1ms,
                      .max_response_bytes = 1'000,
                      .breaker_failures = 3,
                      .breaker_open = 1h}}},
       .try_timeout = 1h});
  test.client.set_service("catalog", test.url + "/catalog");
  test.run([&] {
    const auto catalog = test.client.service("CATALOG");
    EXPECT_EQ(failure_of([&] { catalog.get("/large"); }), "connection_broken");
    EXPECT_EQ(test.client.get(test.url + "/catalog/large").body.size(), 2'000U) << "an address has the general settings";
    catalog.get("/well");
    calls = 0;
    EXPECT_EQ(failure_of([&] { catalog.get("/slow"); }), "no_answer_in_time");
    EXPECT_EQ(calls, 2) << "one retry";
    EXPECT_EQ(catalog.send({.url = "/broken"}).status, 500);
    EXPECT_EQ(failure_of([&] { catalog.get("/well"); }), "circuit_open");
    EXPECT_EQ(test.client.service("pricing").get("/well").status, 200) << "another service at the address is well";
    EXPECT_EQ(test.client.get(test.url + "/well").status, 200);
  });
  test.at.server.close();
}

TEST(http_client, the_pool_forgets_addresses_that_nobody_calls_and_keeps_those_in_use) {
  runtime loops{{.threads = 1}};
  loops.run([&] {
    const http::client_options options{.connections = 1};
    http::detail::connection_pool pool(options);
    const auto soon = [] { return deadline_after(10ms); };
    std::vector<http::detail::connection_pool::lease> kept;
    for (int i = 0; i < 10; ++i) kept.push_back(*pool.take("kept" + std::to_string(i), soon()));
    for (int i = 0; i < 2'000; ++i) EXPECT_TRUE(pool.take("10.0.0.7:" + std::to_string(i), soon()));
    EXPECT_EQ(pool.addresses(), http::detail::connection_pool::most_addresses);
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(pool.take("kept" + std::to_string(i), soon())) << "its only place is taken still";
    for (std::size_t i = 0; i < 2 * http::detail::connection_pool::most_addresses; ++i)
      kept.push_back(*pool.take("busy" + std::to_string(i), soon()));
    EXPECT_GE(pool.addresses(), 2 * http::detail::connection_pool::most_addresses) << "no call is refused";
    kept.clear();
    EXPECT_TRUE(pool.take("kept0", soon()));

    const http::client_options brief{.idle_timeout = 1ms};
    http::detail::connection_pool forgetful(brief);
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(forgetful.take("10.0.0.7:" + std::to_string(i), soon()));
    EXPECT_EQ(forgetful.addresses(), 100U);
    sleep_for(1100ms);
    EXPECT_TRUE(forgetful.take("10.0.0.8:1", soon()));
    EXPECT_EQ(forgetful.addresses(), 1U);
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
    context.tracestate = "rojo=00f0, congo=t61";
    context.correlation_context = R"({"correlationId":"corr-1","name":"ż😀"})";
    context.tenant = "acme";
    context.baggage = {{"Correlation-Context", "forged"}, {"tier", "gold plated"}};
    context.deadline = steady_now() + 10s;
    const context_scope scope(context);
    const auto seen = test.client.get(test.url).body;
    EXPECT_NE(seen.find("X-Correlation-ID=corr-1\n"), std::string::npos) << seen;
    EXPECT_NE(seen.find("\nCorrelation-Context={\"correlationId\":\"corr-1\",\"name\":\"\\u017C\\uD83D\\uDE00\"}\n"), std::string::npos)
        << seen;
    EXPECT_NE(seen.find("traceparent=00-" + context.trace.trace_id_text()), std::string::npos) << seen;
    EXPECT_NE(seen.find("\ntracestate=rojo=00f0, congo=t61\n"), std::string::npos) << seen;
    EXPECT_NE(seen.find("\nX-TENANT-ID=acme\n"), std::string::npos) << seen;
    EXPECT_NE(seen.find("tier=gold%20plated"), std::string::npos) << seen;
    EXPECT_NE(seen.find("X-Request-Timeout="), std::string::npos) << seen;
    const auto other =
        test.client.send({.url = test.url, .headers = {{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}}).body;
    EXPECT_EQ(other.find("tracestate"), std::string::npos) << "a trace that the caller names is not the one at hand: " << other;
  });
}

TEST(http_client, headers_of_the_context_are_named_as_one_likes_and_blank_is_none) {
  const auto sent = [](const char* context_header, const char* id_header) {
    http::client_options options;
    options.correlation_context_header = context_header;
    options.correlation_id_header = id_header;
    std::string seen;
    both test(
        [&](http::request& request, http::response&) {
          for (const auto& each : request.headers()) seen.append(each.name).append("=").append(each.value).append("\n");
        },
        options);
    test.run([&] {
      const context_scope scope({.correlation_id = "corr-1", .correlation_context = R"({"a":1})"});
      EXPECT_EQ(test.client.get(test.url).status, 200);
    });
    return seen;
  };
  const auto named = sent("Ctx", "Id");
  EXPECT_NE(named.find("\nCtx={\"a\":1}\n"), std::string::npos) << named;
  EXPECT_NE(named.find("\nId=corr-1\n"), std::string::npos) << named;
  const auto none = sent("", "");
  EXPECT_EQ(none.find("corr-1"), std::string::npos) << none;
  EXPECT_EQ(none.find("{\"a\""), std::string::npos) << none;
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

TEST(http_client, a_call_without_a_trace_begins_one_for_all_its_tries) {
  std::vector<trace_context> got;
  both test([&](http::request& request, http::response& response) {
    got.push_back(trace_context::parse(request.header("traceparent").value_or("")).value_or(trace_context{}));
    response.set_status(got.size() == 1 ? 503 : 200);
  });
  test.run([&] {
    const context_scope scope({.service = "shop"});
    tracing::set_sampler("shop", [](const tracing::new_root& root) { return root.kind != tracing::span_kind::internal; });
    test.client.get(test.url);
    tracing::set_sampler("shop", {});
    EXPECT_FALSE(current_context().trace.valid());
  });
  ASSERT_EQ(got.size(), 2u);
  EXPECT_TRUE(got[0].valid());
  EXPECT_EQ(got[1].trace_id, got[0].trace_id);
  EXPECT_FALSE(got[0].sampled) << "the sampler of the service has decided";
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

/// The server is not told how little time is left, so that it does not give up first.
const std::vector<std::pair<std::string, std::string>> unhurried{{"X-Request-Timeout", "20000"}};

std::string reason_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const error& e) {
    return e.code() + ": " + e.reason();
  }
  return "";
}

TEST(http_client, a_call_that_gets_no_answer_is_logged_and_told_with_the_name_of_the_service) {
  both test([](http::request&, http::response&) { sleep_for(1h); }, {.retries = 0, .try_timeout = 30ms, .breaker_failures = 0});
  const log_capture capture;
  test.run([&] {
    const auto pricing = test.client.service("pricing");
    EXPECT_EQ(reason_of([&] { pricing.send({.url = "/slow?secret=1", .headers = unhurried}); }),
              "no_answer_in_time: pricing did not answer in time");
    EXPECT_EQ(reason_of([&] {
                const deadline_scope hurry(10ms);
                pricing.send({.url = "/hurry", .headers = unhurried});
              }),
              "no_answer_in_time: pricing did not answer in time");
    EXPECT_EQ(reason_of([&] { pricing.send({.url = "/whole", .headers = unhurried, .timeout = 5ms}); }),
              "no_answer_in_time: pricing did not answer in time");
  });
  test.at.server.close();
  test.run([&] { EXPECT_EQ(reason_of([&] { test.client.get(test.url + "/gone"); }), "no_connection: pricing cannot be reached"); });
  std::vector<std::string> warnings;
  for (const auto& each : capture.records()) {
    if (each.category == "mamey.http") warnings.push_back(each.message);
  }
  ASSERT_EQ(warnings.size(), 4U);
  const auto called = "pricing: GET " + test.url.substr(7);
  for (const auto& [place, ending] : {std::pair<std::string, std::string>{"/slow", "no answer within tryTimeout"},
                                      {"/hurry", "no answer before the call's deadline"},
                                      {"/whole", "no answer before the call's deadline"},
                                      {"/gone", "refused"}}) {
    EXPECT_TRUE(std::ranges::any_of(warnings,
                                    [&, &at = place, &end = ending](const std::string& each) {
                                      return each.starts_with(called + at + " failed after 1 tries and ") &&
                                             each.find(end) != std::string::npos;
                                    }))
        << place << ": " << ::testing::PrintToString(warnings);
  }
}

TEST(http_client, says_why_a_name_that_consul_would_know_is_not_found) {
  http::client_options options;
  options.type = "consul";
  options.retries = 0;
  running_server at(echo);
  http::client client(at.runtime, options);
  at.runtime.run([&] {
    EXPECT_NE(reason_of([&] {
                client.get("http://localhost:1/");
              }).find("httpClient:type is consul, which is not there yet, so the name was looked up in DNS"),
              std::string::npos);
  });
}

TEST(http_client, a_service_that_hangs_opens_the_breaker_also_when_its_callers_had_less_time) {
  std::atomic<bool> hangs = true;
  both test(
      [&](http::request&, http::response& response) {
        if (hangs) sleep_for(1h);
        response.body() = "well";
      },
      {.retries = 0, .breaker_failures = 2, .breaker_open = 1h});
  test.run([&] {
    const auto call = [&](std::chrono::milliseconds span) {
      const deadline_scope hurry(span);
      return failure_of([&] { test.client.send({.url = test.url, .headers = unhurried}); });
    };
    for (int i = 0; i < 4; ++i) EXPECT_EQ(call(5ms), "no_answer_in_time") << "so short a deadline says nothing of the service";
    for (int i = 0; i < 2; ++i) EXPECT_EQ(call(150ms), "no_answer_in_time");
    EXPECT_EQ(call(150ms), "circuit_open");
  });
  test.at.server.close();
}

TEST(http_client, spans_beyond_the_end_of_time_are_no_bound) {
  constexpr auto never = std::chrono::milliseconds::max();
  both test(echo, {.connect_timeout = never, .try_timeout = never, .timeout = never});
  test.run([&] {
    const deadline_scope longer(std::chrono::hours::max());
    EXPECT_EQ(test.client.get(test.url + "/a").status, 200);
  });
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
  both test(
      [](http::request& request, http::response& response) {
        sleep_for(2ms);
        echo(request, response);
      },
      {.connections = 2});
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
  scripted_server server(loops, {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: "
                                 "close\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                                 "HTTP/1.0 200 OK\r\n\r\nto the end", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\ncut",
                                 "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n",
                                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", "",
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
