#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/sync.hpp>

#include "server_fixture.hpp"

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
  for (int i = 0; i < 64; ++i) batch += i % 3 == 0 ? post("/" + std::to_string(i), std::string(static_cast<std::size_t>(i * 20), 'b')) : get("/" + std::to_string(i));
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
    EXPECT_TRUE(answer->body.starts_with(target == "/status"s ? R"({"code":"invalid_status",)" : R"({"code":"internal_error",)")) << answer->body;
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
    response.body() = context.correlation_id + "|" + context.trace.trace_id_text() + "|" + (context.baggage.contains("tier") ? context.baggage.at("tier") : "");
  });
  raw_client client(at.port);
  const auto fresh = client.ask(get("/"));
  EXPECT_EQ(fresh->body.find('|'), 32U) << fresh->body;
  EXPECT_EQ(fresh->header("X-Request-ID"), fresh->body.substr(0, 32));
  EXPECT_NE(client.ask(get("/"))->body, fresh->body) << "nothing is left over from the request before";

  const auto trace = "0af7651916cd43dd8448eb211c80319c"s;
  const auto given = client.ask(get("/", "X-Request-ID: abc-1\r\ntraceparent: 00-" + trace + "-b7ad6b7169203331-01\r\nbaggage: tier=g%20old;p=1, x=y\r\n"));
  EXPECT_EQ(given->body, "abc-1|" + trace + "|g old");
  EXPECT_EQ(given->header("X-Request-ID"), "abc-1");
  EXPECT_EQ(client.ask(get("/", "X-Request-ID: one\r\nX-Correlation-ID: two\r\n"))->header("X-Request-ID"), "two");
  EXPECT_EQ(client.ask(get("/", "X-Correlation-ID: two\r\nCorrelation-Context: {\"correlationId\":\"three\",\"user\":{}}\r\n"))->header("X-Request-ID"), "three");
  EXPECT_EQ(client.ask(get("/", "Correlation-Context: {nonsense\r\n"))->header("X-Request-ID").size(), 32U);
  EXPECT_EQ(client.ask(get("/", "X-Request-ID: <script>\r\n"))->header("X-Request-ID").size(), 32U) << "what could break a log or a header is no id";
}

// ── Overload ──

TEST(http_server, sheds_beyond_the_bound_and_keeps_the_connection) {
  semaphore release(0);
  running_server at([&](http::request&, http::response&) { release.acquire(); }, {.max_in_flight = 1});
  raw_client busy(at.port), shed(at.port);
  ASSERT_TRUE(busy.send(get("/")));
  ASSERT_TRUE(eventually([&] { return at.server.read_statistics().in_flight == 1; }));
  for (int i = 0; i < 2; ++i) {
    const auto answer = shed.ask(get("/"));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 503);
    EXPECT_EQ(answer->header("Retry-After"), "1");
  }
  release.release(2);
  EXPECT_EQ(busy.receive()->status, 200);
  ASSERT_TRUE(eventually([&] { return at.server.read_statistics().in_flight == 0; }));
  EXPECT_EQ(shed.ask(get("/"))->status, 200);
  EXPECT_EQ(at.server.read_statistics().shed, 2U);
}

TEST(http_server, turns_connections_away_beyond_the_bound) {
  running_server at(echo, {.max_connections = 2});
  raw_client first(at.port), second(at.port);
  EXPECT_EQ(first.ask(get("/"))->status, 200);
  EXPECT_EQ(second.ask(get("/"))->status, 200);
  raw_client third(at.port);
  EXPECT_EQ(third.ask(get("/"))->status, 503);
  EXPECT_EQ(third.wait_for_end(), closing::orderly);
  first.close();
  ASSERT_TRUE(eventually([&] {
    raw_client again(at.port);
    const auto answer = again.ask(get("/"));
    return answer && answer->status == 200;
  }));
}

TEST(http_server, idle_connections_own_no_fiber) {
  running_server at(echo);
  std::vector<std::unique_ptr<raw_client>> idle;
  for (int i = 0; i < 200; ++i) {
    idle.push_back(std::make_unique<raw_client>(at.port));
    ASSERT_TRUE(idle.back()->send(i % 2 ? get("/") : "GET / HT"));
  }
  for (int i = 1; i < 200; i += 2) ASSERT_TRUE(idle[static_cast<std::size_t>(i)]->receive());
  ASSERT_TRUE(eventually([&] {
    std::uint64_t alive = 0;
    for (std::size_t i = 0; i < at.runtime.loops(); ++i) alive += at.runtime.loop(i).read_statistics().fibers_alive;
    return alive == 0;
  }));
  EXPECT_EQ(at.server.read_statistics().connections_open, 200U);
}

// ── Clients that leave ──

TEST(http_server, a_query_is_cancelled_when_its_client_leaves_and_a_command_is_not) {
  std::atomic<int> cancelled_queries{0}, finished_commands{0};
  semaphore command_may_end(0), started(0);
  running_server at([&](http::request& request, http::response&) {
    started.release();
    if (request.path() == "/query") {
      request.cancel_on_disconnect();
      try {
        sleep_for(1h);
      } catch (const cancelled&) {
        ++cancelled_queries;
        throw;
      }
    }
    command_may_end.acquire();
    ++finished_commands;
  });
  raw_client query(at.port), command(at.port);
  ASSERT_TRUE(query.send(get("/query")));
  ASSERT_TRUE(command.send(post("/command", "")));
  started.acquire();
  started.acquire();
  query.close();
  command.close();
  EXPECT_TRUE(eventually([&] { return cancelled_queries == 1; }));
  EXPECT_EQ(finished_commands, 0);
  command_may_end.release();
  EXPECT_TRUE(eventually([&] { return finished_commands == 1 && at.server.read_statistics().connections_open == 0; }));
}

TEST(http_server, a_request_that_comes_early_does_not_cancel_a_query) {
  semaphore go_on(0), started(0);
  running_server at([&](http::request& request, http::response& response) {
    request.cancel_on_disconnect();
    if (request.path() == "/first") {
      started.release();
      go_on.acquire();
    }
    echo(request, response);
  });
  raw_client client(at.port);
  ASSERT_TRUE(client.send(get("/first")));
  started.acquire();
  ASSERT_TRUE(client.send(get("/second") + get("/third")));
  go_on.release();
  for (const auto* target : {"/first", "/second", "/third"}) EXPECT_EQ(client.receive()->body, "GET "s + target + " ");
}

TEST(http_server, a_client_gone_in_the_middle_of_an_answer_harms_nobody) {
  running_server at([](http::request&, http::response& response) {
    response.stream([](http::body_writer& out) {
      const std::string part(64 << 10, 'x');
      for (int i = 0; i < 10'000; ++i) out.write(part);
    });
  });
  for (int i = 0; i < 4; ++i) {
    raw_client client(at.port);
    ASSERT_TRUE(client.send(get("/")));
    ASSERT_TRUE(client.fill());
    client.close();
  }
  EXPECT_TRUE(eventually([&] { return at.server.read_statistics().connections_open == 0 && at.server.read_statistics().in_flight == 0; }));
}

TEST(http_server, a_client_that_does_not_read_is_given_up) {
  running_server at([](http::request&, http::response& response) { response.body().assign(32 << 20, 'x'); }, {.write_timeout = 30ms});
  raw_client client(at.port);
  client.shrink_receive_buffer();
  ASSERT_TRUE(client.send(get("/")));
  EXPECT_TRUE(eventually([&] { return at.server.read_statistics().timed_out == 1; }));
  EXPECT_TRUE(eventually([&] { return at.server.read_statistics().connections_open == 0; }));
}

TEST(http_server, a_client_that_has_finished_sending_still_gets_its_answer) {
  running_server at([](http::request& request, http::response& response) {
    sleep_for(5ms);
    echo(request, response);
  });
  raw_client client(at.port);
  ASSERT_TRUE(client.send(get("/")));
  client.finish_sending();
  EXPECT_EQ(client.receive()->body, "GET / ");
  EXPECT_EQ(client.wait_for_end(), closing::orderly);
}

// ── Slow clients ──

TEST(http_server, a_slow_header_times_out_however_steadily_it_drips) {
  running_server at(echo, {.header_timeout = 40ms});
  raw_client client(at.port);
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_TRUE(client.send("GET / HTTP/1.1\r\nHost: a\r\nX: "));
  EXPECT_TRUE(eventually([&] { return !client.send("d") || at.server.read_statistics().timed_out == 1; }));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 4s);
  EXPECT_EQ(client.receive()->status, 408);
}

TEST(http_server, a_slow_body_times_out) {
  running_server at(echo, {.body_timeout = 30ms});
  raw_client client(at.port);
  ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfive"));
  EXPECT_EQ(client.receive()->status, 408);
  EXPECT_EQ(client.wait_for_end(), closing::orderly);
}

TEST(http_server, a_connection_that_says_nothing_is_closed) {
  running_server at(echo, {.header_timeout = 30ms, .idle_timeout = 30ms});
  raw_client silent(at.port), idle(at.port);
  EXPECT_EQ(idle.ask(get("/"))->status, 200);
  EXPECT_EQ(silent.wait_for_end(), closing::orderly);
  EXPECT_EQ(idle.wait_for_end(), closing::orderly);
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

TEST(http_server, listens_on_several_addresses_and_on_ipv6) {
  runtime loops({.threads = 1});
  function_handler handler(echo);
  web::http_server server(loops, {.urls = {"http://127.0.0.1:0", "http://[::1]:0", "http://*:0"}}, handler);
  server.start();
  const auto addresses = server.addresses();
  ASSERT_EQ(addresses.size(), 3U);
  EXPECT_EQ(addresses[2].url(), "http://localhost:" + std::to_string(addresses[2].port));
  EXPECT_EQ(addresses[1].url(), "http://[::1]:" + std::to_string(addresses[1].port));
  EXPECT_EQ(raw_client(addresses[0].port).ask(get("/"))->status, 200);
  EXPECT_EQ(raw_client(addresses[1].port, "::1").ask(get("/"))->status, 200);
  EXPECT_EQ(raw_client(addresses[2].port).ask(get("/"))->status, 200);
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

// ── The end ──

TEST(http_server, draining_answers_what_runs_and_then_closes) {
  semaphore go_on(0), started(0);
  running_server at([&](http::request& request, http::response& response) {
    if (request.path() == "/slow") {
      started.release();
      go_on.acquire();
    }
    echo(request, response);
  });
  raw_client running(at.port), idle(at.port), late(at.port);
  ASSERT_TRUE(idle.ask(get("/")));
  ASSERT_TRUE(late.ask(get("/")));
  ASSERT_TRUE(running.send(get("/slow")));
  started.acquire();

  at.server.stop_accepting();
  EXPECT_FALSE(raw_client(at.port).connected());
  const auto answer = late.ask(get("/late"));
  EXPECT_EQ(answer->body, "GET /late ") << "an idle connection is still served";
  EXPECT_EQ(answer->header("Connection"), "close");
  EXPECT_EQ(late.wait_for_end(), closing::orderly);

  EXPECT_FALSE(at.server.drain(steady_now() + 20ms)) << "one request is still running";
  EXPECT_EQ(idle.wait_for_end(), closing::orderly);
  go_on.release();
  EXPECT_EQ(running.receive()->header("Connection"), "close");
  EXPECT_TRUE(at.server.drain(steady_now() + 5s));
}

TEST(http_server, what_was_pipelined_before_the_end_is_all_answered) {
  semaphore go_on(0), started(0);
  running_server at([&](http::request& request, http::response& response) {
    if (request.path() == "/0") {
      started.release();
      go_on.acquire();
    }
    echo(request, response);
  });
  raw_client client(at.port);
  ASSERT_TRUE(client.send(get("/0") + get("/1") + get("/2")));
  started.acquire();
  ASSERT_TRUE(client.send(get("/3")));
  at.server.stop_accepting();
  go_on.release();
  for (int i = 0; i < 4; ++i) {
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << i;
    EXPECT_EQ(answer->header("Connection"), i == 3 ? "close" : "") << i;
  }
  EXPECT_EQ(client.wait_for_end(), closing::orderly);
}

TEST(http_server, under_load_nothing_is_reset_and_every_request_is_answered) {
  for (int round = 0; round < 5; ++round) {
    running_server at(echo);
    std::atomic<int> answered{0}, unanswered{0}, resets{0};
    const auto load = [&] {
      for (;;) {
        raw_client client(at.port);
        if (!client.connected()) return;  // the listener is closed: the load balancer would go elsewhere
        for (bool open = true; open;) {
          if (!client.send(get("/"))) break;  // closed before anything was sent: free to go elsewhere
          const auto answer = client.receive();
          if (client.was_reset()) ++resets;
          if (!answer) return void(++unanswered);
          ++answered;
          open = answer->header("Connection") != "close";
        }
      }
    };
    std::vector<std::jthread> clients;
    for (int i = 0; i < 4; ++i) clients.emplace_back(load);
    ASSERT_TRUE(eventually([&] { return answered > 200; }));
    at.server.stop_accepting();
    EXPECT_TRUE(at.server.drain(steady_now() + 5s));
    clients.clear();
    EXPECT_EQ(unanswered, 0);
    EXPECT_EQ(resets, 0);
  }
}

TEST(http_server, closing_cancels_what_still_runs) {
  std::atomic<bool> was_cancelled{false};
  semaphore started(0);
  running_server at([&](http::request&, http::response&) {
    started.release();
    try {
      sleep_for(1h);
    } catch (const cancelled&) {
      was_cancelled = true;
      throw;
    }
  });
  raw_client client(at.port);
  ASSERT_TRUE(client.send(get("/")));
  started.acquire();
  at.server.close();
  EXPECT_TRUE(was_cancelled);
  EXPECT_EQ(client.receive()->status, 503);
  EXPECT_EQ(at.server.read_statistics().connections_open, 0U);
}

}  // namespace
