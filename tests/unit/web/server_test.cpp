#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <string>

#include <mamey/core/error.hpp>
#include <mamey/runtime/baggage.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>

#include "server_fixture.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {

using namespace mamey;
using namespace mamey_test;
using namespace std::chrono_literals;
using namespace std::string_literals;

// ── Answers ──

TEST(http_server, answers_one_request_after_the_other_on_one_connection) {
  running_server at(echo);
  raw_client client(at.port);
  for (const auto* target : {"/first", "/second"}) {
    const auto answer = client.ask(get(target));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "GET "s + target + " ");
    EXPECT_EQ(answer->header("Content-Type"), "text/plain");
    EXPECT_EQ(answer->header("Date").size(), 29U) << answer->header("Date");
    EXPECT_EQ(answer->header("Connection"), "");
  }
  EXPECT_EQ(at.server.read_statistics().connections_accepted, 1U);
  EXPECT_EQ(at.server.read_statistics().requests, 2U);
}

TEST(http_server, answers_pipelined_requests_in_their_order) {
  running_server at([](http::request& request, http::response& response) {
    if (request.path() == "/0") sleep_for(5ms);  // must not be overtaken
    echo(request, response);
  });
  raw_client client(at.port);
  std::string batch;
  for (int i = 0; i < 64; ++i)
    batch += i % 3 == 0 ? post("/" + std::to_string(i), std::string(static_cast<std::size_t>(i * 20), 'b')) : get("/" + std::to_string(i));
  ASSERT_TRUE(client.send(batch));
  for (int i = 0; i < 64; ++i) {
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << i;
    EXPECT_TRUE(answer->body.find(" /" + std::to_string(i) + " ") != std::string::npos) << answer->body;
  }
}

TEST(http_server, reads_a_request_that_comes_byte_by_byte) {
  running_server at(echo);
  raw_client client(at.port);
  for (const char byte : post("/slow", "body")) ASSERT_TRUE(client.send({&byte, 1}));
  EXPECT_EQ(client.receive()->body, "POST /slow body");
}

TEST(http_server, reads_chunked_and_large_bodies) {
  running_server at([](http::request& request, http::response& response) { response.set_body("text/plain", request.body()); });
  raw_client client(at.port);
  std::string large(300'000, 'x');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>('a' + i % 23);
  EXPECT_EQ(client.ask(post("/", large))->body, large);
  std::string chunks = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t i = 0; i < large.size(); i += 1000) chunks += "3e8\r\n" + large.substr(i, 1000) + "\r\n";
  EXPECT_EQ(client.ask(chunks + "0\r\n\r\n" + get("/next"))->body, large);
  EXPECT_EQ(client.receive()->status, 200) << "the request behind the chunks";
}

TEST(http_server, head_and_bodiless_answers_have_no_body) {
  running_server at([](http::request& request, http::response& response) {
    response.set_body("text/plain", "twelve bytes");
    if (request.path() == "/204") response.set_status(204);
    if (request.path() == "/304") response.set_status(304);
  });
  raw_client client(at.port);
  ASSERT_TRUE(client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"));
  const auto head = client.receive(true);
  EXPECT_EQ(head->header("Content-Length"), "12");
  for (const auto* target : {"/204", "/304"}) {
    const auto answer = client.ask(get(target));
    EXPECT_EQ(answer->header("Content-Length"), "");
    EXPECT_EQ(answer->body, "");
  }
  EXPECT_EQ(client.ask(get("/"))->body, "twelve bytes");
}

TEST(http_server, every_method_may_bring_a_body) {
  running_server at(echo);
  raw_client client(at.port);
  for (const auto* method : {"POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
    const auto answer = client.ask(std::string(method) + " /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    ASSERT_TRUE(answer) << method;
    EXPECT_EQ(answer->body, std::string(method) + " /a body");
  }
}

TEST(http_server, speaks_http_1_0) {
  running_server at(echo);
  raw_client closing_client(at.port);
  EXPECT_EQ(closing_client.ask("GET /a HTTP/1.0\r\n\r\n")->header("Connection"), "close");
  EXPECT_EQ(closing_client.wait_for_end(), closing::orderly);
  raw_client keeping(at.port);
  EXPECT_EQ(keeping.ask("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")->header("Connection"), "keep-alive");
  EXPECT_EQ(keeping.ask("GET /b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")->body, "GET /b ");
}

TEST(http_server, streams_an_answer_in_chunks_and_to_http_1_0_until_the_end) {
  running_server at([](http::request&, http::response& response) {
    response.set_content_type("text/plain").stream([](http::body_writer& out) {
      for (int i = 0; i < 3; ++i) {
        sleep_for(1ms);
        out.write("part" + std::to_string(i) + " ");
      }
    });
  });
  raw_client client(at.port);
  for (int round = 0; round < 2; ++round) {
    const auto answer = client.ask(get("/"));
    EXPECT_EQ(answer->header("Transfer-Encoding"), "chunked");
    EXPECT_EQ(answer->body, "part0 part1 part2 ");
    EXPECT_EQ(answer->header("X-Request-ID").size(), 32U);
  }
  raw_client old(at.port);
  const auto answer = old.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(answer->header("Transfer-Encoding"), "");
  EXPECT_EQ(answer->body, "part0 part1 part2 ");
}

TEST(http_server, a_stream_that_fails_midway_is_seen_as_incomplete) {
  running_server at([](http::request& request, http::response& response) {
    const bool at_once = request.path() == "/at-once";
    response.stream([at_once](http::body_writer& out) {
      if (!at_once) out.write("half");
      throw conflict("lost", "lost it");
    });
  });
  raw_client midway(at.port);
  ASSERT_TRUE(midway.send(get("/")));
  EXPECT_FALSE(midway.receive());
  raw_client before(at.port);
  EXPECT_EQ(before.ask(get("/at-once"))->status, 409) << "nothing was sent yet, so the error can be told";
}

TEST(http_server, asks_for_the_body_of_a_client_that_waits_for_that) {
  running_server at(echo, {.max_body_bytes = 100});
  raw_client client(at.port);
  ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"));
  EXPECT_EQ(client.receive()->status, 100);
  ASSERT_TRUE(client.send("body"));
  EXPECT_EQ(client.receive()->body, "POST / body");
  ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n"));
  EXPECT_EQ(client.receive()->status, 413) << "and not 100 first";
}

// ── Handlers that fail ──

TEST(http_server, survives_whatever_a_handler_throws) {
  running_server at([](http::request& request, http::response& response) {
    response.set_header("X-Half", "1").body() = "half";
    if (request.path() == "/std") throw std::runtime_error("secret");
    if (request.path() == "/int") throw 42;
    if (request.path() == "/domain") throw domain_error("empty_order", "an order needs a line");
    if (request.path() == "/status") response.set_status(42);
    if (request.path() == "/header") response.set_header("X-Bad", "a\r\nb");
  });
  raw_client client(at.port);
  for (const auto* target : {"/std", "/int", "/status", "/header"}) {
    const auto answer = client.ask(get(target));
    ASSERT_TRUE(answer) << target;
    EXPECT_EQ(answer->status, 500) << target;
    EXPECT_EQ(answer->header("X-Half"), "");
    EXPECT_TRUE(answer->body.starts_with(target == "/status"s ? R"({"code":"invalid_status",)" : R"({"code":"internal_error",)"))
        << answer->body;
    EXPECT_EQ(answer->body.find("secret"), std::string::npos);
  }
  EXPECT_EQ(client.ask(get("/domain"))->status, 400);
  EXPECT_EQ(client.ask(get("/"))->status, 200) << "on the same connection";
}

TEST(http_server, a_handler_that_outlives_its_deadline_is_answered_504) {
  running_server at([](http::request&, http::response&) { sleep_for(1h); }, {.request_timeout = 20ms});
  raw_client client(at.port);
  EXPECT_EQ(client.ask(get("/"))->status, 504);
  EXPECT_EQ(client.ask(get("/"))->status, 504) << "on the same connection";
}

TEST(http_server, a_client_may_ask_for_less_time_but_not_for_more) {
  running_server at([](http::request&, http::response& response) {
    const auto left = *current_context().deadline - steady_now();
    response.body() = left < 200ms ? "short" : left < 31s ? "usual" : "long";
  });
  raw_client client(at.port);
  EXPECT_EQ(client.ask(get("/", "X-Request-Timeout: 100\r\n"))->body, "short");
  EXPECT_EQ(client.ask(get("/", "X-Request-Timeout: 9999999\r\n"))->body, "usual");
  EXPECT_EQ(client.ask(get("/", "X-Request-Timeout: soon\r\n"))->body, "usual");
}

// ── Context ──

TEST(http_server, sets_the_context_from_the_headers) {
  running_server at([](http::request&, http::response& response) {
    const auto& context = current_context();
    response.body() = context.correlation_id + "|" + context.trace.trace_id_text() + "|" +
                      (context.baggage.contains("tier") ? context.baggage.at("tier") : "");
  });
  raw_client client(at.port);
  const auto fresh = client.ask(get("/"));
  EXPECT_EQ(fresh->body.find('|'), 32U) << fresh->body;
  EXPECT_EQ(fresh->header("X-Request-ID"), fresh->body.substr(0, 32));
  EXPECT_NE(client.ask(get("/"))->body, fresh->body) << "nothing is left over from the request before";

  const auto trace = "0af7651916cd43dd8448eb211c80319c"s;
  const auto given = client.ask(
      get("/", "X-Request-ID: abc-1\r\ntraceparent: 00-" + trace + "-b7ad6b7169203331-01\r\nbaggage: tier=g%20old;p=1, x=y\r\n"));
  EXPECT_EQ(given->body, "abc-1|" + trace + "|g old");
  EXPECT_EQ(given->header("X-Request-ID"), "abc-1");
  EXPECT_EQ(client.ask(get("/", "X-Request-ID: one\r\nX-Correlation-ID: two\r\n"))->header("X-Request-ID"), "two");
  EXPECT_EQ(client.ask(get("/", "X-Correlation-ID: two\r\nCorrelation-Context: {\"correlationId\":\"three\",\"user\":{}}\r\n"))
                ->header("X-Request-ID"),
            "three");
  EXPECT_EQ(client.ask(get("/", "Correlation-Context: {nonsense\r\n"))->header("X-Request-ID").size(), 32U);
  EXPECT_EQ(client.ask(get("/", "X-Request-ID: <script>\r\n"))->header("X-Request-ID").size(), 32U)
      << "what could break a log or a header is no id";
}

TEST(http_server, takes_a_tracestate_with_its_trace_and_joins_lines) {
  running_server at([](http::request&, http::response& response) {
    const auto& context = current_context();
    response.body() = context.trace.trace_id_text().substr(0, 4) + "|" + context.tracestate + "|" + to_baggage_text(context.baggage);
  });
  raw_client client(at.port);
  const auto parent = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"s;
  EXPECT_EQ(client.ask(get("/", parent + "tracestate: rojo=1,congo=2\r\n"))->body, "0af7|rojo=1,congo=2|");
  EXPECT_EQ(client.ask(get("/", parent))->body, "0af7||") << "nothing is left over from the request before";
  EXPECT_EQ(client.ask(get("/", "TraceState: rojo=1\r\n" + parent + "tracestate: congo=2 , x=3\r\ntracestate:\r\n"))->body,
            "0af7|rojo=1,congo=2 , x=3|")
      << "several lines are one";
  EXPECT_EQ(client.ask(get("/", parent + "tracestate: rojo=1\r\ntracestate: broken\r\n"))->body, "0af7||")
      << "malformed: the trace goes on without it";
  EXPECT_EQ(client.ask(get("/", "tracestate: rojo=1\r\n"))->body.substr(4), "||");
  EXPECT_EQ(client.ask(get("/", "traceparent: 00-nonsense\r\ntracestate: rojo=1\r\n"))->body.substr(4), "||") << "of a trace that is none";
  const auto twice = client.ask(get("/", parent + parent + "tracestate: rojo=1\r\n"))->body;
  EXPECT_NE(twice.substr(0, 4), "0af7") << "two parents are none";
  EXPECT_EQ(twice.substr(4), "||");
  EXPECT_EQ(client.ask(get("/", parent + "baggage: a=1\r\nbaggage: b=2, a=3\r\n"))->body, "0af7||a=1,b=2");
}

TEST(http_server, keeps_a_correlation_context_apart_and_believes_nobody_for_it) {
  const auto told = [](const char* header, std::string_view sent) {
    running_server at(
        [](http::request&, http::response& response) {
          const auto& context = current_context();
          response.body() =
              context.correlation_context + "|" + std::to_string(context.baggage.size()) + "|" + (context.user ? "somebody" : "nobody");
        },
        {.correlation_context_header = header});
    return raw_client(at.port).ask(get("/", sent))->body;
  };
  for (const auto* name : {"Correlation-Context", "X-Ctx", "Ctx", "C"}) {
    EXPECT_EQ(told(name, std::string(name) + ": { \"CorrelationId\": \"three\", \"User\": {\"Id\":\"\\u017C\"} }\r\n"),
              R"({"CorrelationId":"three","User":{"Id":"\u017C"}}|0|nobody)")
        << name;
  }
  EXPECT_EQ(told("", "Correlation-Context: {\"correlationId\":\"three\"}\r\n"), "|0|nobody") << "blank is none";
  EXPECT_EQ(told("Correlation-Context", "Correlation-Context: {\"a\":1}, {\"b\":2}\r\n"), "|0|nobody") << "two in one are no JSON";
}

TEST(http_server, takes_a_tenant_from_callers_that_it_trusts_and_from_nobody_else) {
  const auto tenant = [](std::vector<std::string> trusted, std::string_view more) {
    running_server at([](http::request&, http::response& response) { response.body() = "<" + current_context().tenant + ">"; },
                      {.trust_tenant_from = std::move(trusted)});
    raw_client client(at.port);
    const auto first = client.ask(get("/", more))->body;
    EXPECT_EQ(client.ask(get("/"))->body, "<>") << "nothing is left over from the request before";
    return first;
  };
  constexpr auto acme = "X-TENANT-ID: acme\r\n";
  EXPECT_EQ(tenant({}, acme), "<>") << "by default nobody is trusted";
  EXPECT_EQ(tenant({"10.0.0.0/8", "fd00::/8", "unix", "127.0.0.2", "::1"}, acme), "<>") << "the client is none of them";
  for (const auto* each : {"127.0.0.1", "127.0.0.0/8", "126.0.0.0/7", "127.0.0.0/31", "::ffff:127.0.0.1", "::ffff:127.0.0.0/104"})
    EXPECT_EQ(tenant({"10.0.0.0/8", each}, acme), "<acme>") << each;
  for (const auto* each : {"X-Forwarded-For: 127.0.0.1\r\n", "Via: 1.1 nginx\r\n", "forwarded: for=10.0.0.1\r\n"})
    EXPECT_EQ(tenant({"127.0.0.1"}, acme + std::string(each)), "<>") << "a proxy speaks for somebody else: " << each;
  EXPECT_EQ(tenant({"127.0.0.1"}, "x-tenant-id: acme\r\nX-TENANT-ID: other\r\n"), "<>");
}

TEST(http_server, refuses_callers_to_trust_that_are_none) {
  function_handler handler(echo);
  mamey::runtime loops({.threads = 1});
  const auto refusal = [&](const char* entry) {
    web::http_server server(loops, {.urls = {"http://127.0.0.1:0"}, .trust_tenant_from = {entry}}, handler);
    try {
      server.start();
    } catch (const validation_error& refused) {
      return refused.violations().front().path + ": " + refused.violations().front().message;
    }
    return std::string("it starts");
  };
  EXPECT_EQ(refusal("orders"),
            "server.trustTenantFrom: expected an address (10.1.2.3, ::1), a network (10.1.0.0/16, fd00::/8) or unix, got \"orders\"");
  for (const auto* each : {"", "10.1.2", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8x", "10.0.0.0/-1", "/8"})
    EXPECT_NE(refusal(each).find("got \"" + std::string(each) + '"'), std::string::npos) << each << ": " << refusal(each);
  EXPECT_NE(refusal("10.1.2.3/8").find("bits behind its prefix"), std::string::npos);
  for (const auto* each : {"0.0.0.0/0", "::/0"}) EXPECT_NE(refusal(each).find("trust everybody"), std::string::npos) << each;
}

// ── Addresses ──

TEST(http_server, says_which_port_is_taken) {
  running_server first(echo);
  function_handler handler(echo);
  web::http_server second(first.runtime, {.urls = {"http://127.0.0.1:" + std::to_string(first.port)}}, handler);
  try {
    second.start();
    FAIL() << "the port is taken";
  } catch (const unavailable& error) {
    EXPECT_NE(error.reason().find(std::to_string(first.port)), std::string::npos) << error.reason();
    EXPECT_NE(error.reason().find("in use"), std::string::npos) << error.reason();
  }
}

TEST(http_server, listens_on_a_socket_in_the_file_system) {
  const mamey::testing::temporary_directory folder;
  const auto path = folder.file("socket");
  runtime loops({.threads = 1});
  function_handler handler(
      [](http::request& request, http::response& response) { response.body() = "hello " + std::string(request.peer()); });
  const auto ask = [&] {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, path.size());
    const int client = ::socket(AF_UNIX, SOCK_STREAM, 0);
    std::string answer;
    if (::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      const auto asked = get("/", "Connection: close\r\n");
      EXPECT_EQ(::send(client, asked.data(), asked.size(), MSG_NOSIGNAL), static_cast<ssize_t>(asked.size()));
      char bytes[4096];
      for (ssize_t count = 0; (count = ::recv(client, bytes, sizeof bytes, 0)) > 0;) answer.append(bytes, static_cast<std::size_t>(count));
    }
    ::close(client);
    return answer;
  };
  {
    web::http_server server(loops, {.urls = {"http://unix:" + path}}, handler);
    server.start();
    EXPECT_EQ(server.addresses().front().url(), "http://unix:" + path);
    EXPECT_NE(ask().find("hello unix"), std::string::npos);
    web::http_server second(loops, {.urls = {"http://unix:" + path}}, handler);
    EXPECT_THROW(second.start(), unavailable) << "somebody listens there";
    EXPECT_NE(ask().find("hello unix"), std::string::npos);
  }
  EXPECT_EQ(::access(path.c_str(), F_OK), -1) << "it is removed at the end";

  for (const auto& [mode, permissions] : {std::pair("0660", 0660U), {"0600", 0600U}, {"0", 0U}}) {
    web::http_server server(loops, {.urls = {"http://unix:" + path}, .socket_mode = mode}, handler);
    server.start();
    struct ::stat found{};
    ASSERT_EQ(::stat(path.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, permissions);
  }

  const int abandoned = ::socket(AF_UNIX, SOCK_STREAM, 0);  // what a process that was killed leaves behind
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(::bind(abandoned, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(abandoned);
  web::http_server server(loops, {.urls = {"http://unix:" + path}}, handler);
  server.start();
  EXPECT_NE(ask().find("hello unix"), std::string::npos);
}

TEST(http_server, listens_on_several_addresses_and_on_ipv6) {
  runtime loops({.threads = 1});
  function_handler handler(echo);
  web::http_server server(loops, {.urls = {"http://127.0.0.1:0", "http://[::1]:0", "http://*:0"}}, handler);
  server.start();
  const auto addresses = server.addresses();
  ASSERT_EQ(addresses.size(), 3U);
  EXPECT_EQ(addresses[2].url(), "http://*:" + std::to_string(addresses[2].port))
      << "whoever reads the log sees that other machines are let in";
  EXPECT_EQ(addresses[2].local_url(), "http://localhost:" + std::to_string(addresses[2].port));
  EXPECT_EQ(addresses[1].url(), "http://[::1]:" + std::to_string(addresses[1].port));
  EXPECT_EQ(raw_client(addresses[0].port).ask(get("/"))->status, 200);
  EXPECT_EQ(raw_client(addresses[1].port, "::1").ask(get("/"))->status, 200);
  EXPECT_EQ(raw_client(addresses[2].port).ask(get("/"))->status, 200);

  web::http_server other(loops, {.urls = {addresses[1].url()}}, handler);
  try {
    other.start();
    FAIL() << "two servers on one port";
  } catch (const unavailable& refused) {
    EXPECT_EQ(refused.reason().find("cannot listen on " + addresses[1].url() + ": "), 0U) << refused.reason();
  }
}

TEST(http_server, tells_the_handler_who_asks) {
  runtime loops({.threads = 1});
  function_handler handler([](http::request& request, http::response& response) { response.body() = request.peer(); });
  web::http_server server(loops, {.urls = {"http://*:0", "http://[::1]:0"}}, handler);
  server.start();
  EXPECT_EQ(raw_client(server.addresses()[0].port).ask(get("/"))->body, "127.0.0.1");
  EXPECT_EQ(raw_client(server.addresses()[1].port, "::1").ask(get("/"))->body, "::1");
}

TEST(http_server, refuses_a_url_that_is_none) {
  runtime loops({.threads = 1});
  function_handler handler(echo);
  for (const auto* text : {"http://*:port", "http://*:70000", "http://", "ftp://a:1", "http://a b:1", "http://[::1:1", "http://a:"}) {
    web::http_server server(loops, {.urls = {text}}, handler);
    EXPECT_THROW(server.start(), std::invalid_argument) << text;
  }
}

}  // namespace
