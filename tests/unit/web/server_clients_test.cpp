#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/sync.hpp>

#include "server_fixture.hpp"

namespace {

using namespace mamey;
using namespace mamey_test;
using namespace std::chrono_literals;
using namespace std::string_literals;

// Too many clients, those that leave, and slow ones.

// ── Overload ──

TEST(http_server_clients, sheds_beyond_the_bound_and_keeps_the_connection) {
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

TEST(http_server_clients, turns_connections_away_beyond_the_bound) {
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

TEST(http_server_clients, idle_connections_own_no_fiber) {
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

TEST(http_server_clients, a_query_is_cancelled_when_its_client_leaves_and_a_command_is_not) {
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

TEST(http_server_clients, a_request_that_comes_early_does_not_cancel_a_query) {
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

TEST(http_server_clients, a_client_gone_in_the_middle_of_an_answer_harms_nobody) {
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

TEST(http_server_clients, a_client_that_does_not_read_is_given_up) {
  running_server at([](http::request&, http::response& response) { response.body().assign(32 << 20, 'x'); }, {.write_timeout = 30ms});
  raw_client client(at.port);
  client.shrink_receive_buffer();
  ASSERT_TRUE(client.send(get("/")));
  EXPECT_TRUE(eventually([&] { return at.server.read_statistics().timed_out == 1; }));
  EXPECT_TRUE(eventually([&] { return at.server.read_statistics().connections_open == 0; }));
}

TEST(http_server_clients, a_client_that_has_finished_sending_still_gets_its_answer) {
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

TEST(http_server_clients, a_slow_header_times_out_however_steadily_it_drips) {
  running_server at(echo, {.header_timeout = 40ms});
  raw_client client(at.port);
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_TRUE(client.send("GET / HTTP/1.1\r\nHost: a\r\nX: "));
  EXPECT_TRUE(eventually([&] { return !client.send("d") || at.server.read_statistics().timed_out == 1; }));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 4s);
  EXPECT_EQ(client.receive()->status, 408);
}

TEST(http_server_clients, a_slow_body_times_out) {
  running_server at(echo, {.body_timeout = 30ms});
  raw_client client(at.port);
  ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfive"));
  EXPECT_EQ(client.receive()->status, 408);
  EXPECT_EQ(client.wait_for_end(), closing::orderly);
}

TEST(http_server_clients, a_connection_that_says_nothing_is_closed) {
  running_server at(echo, {.header_timeout = 30ms, .idle_timeout = 30ms});
  raw_client silent(at.port), idle(at.port);
  EXPECT_EQ(idle.ask(get("/"))->status, 200);
  EXPECT_EQ(silent.wait_for_end(), closing::orderly);
  EXPECT_EQ(idle.wait_for_end(), closing::orderly);
}

}  // namespace
