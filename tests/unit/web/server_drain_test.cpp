#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/sync.hpp>

#include "server_fixture.hpp"

namespace {

using namespace mamey;
using namespace mamey_test;
using namespace std::chrono_literals;

TEST(http_server_drain, draining_answers_what_runs_and_then_closes) {
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

TEST(http_server_drain, what_was_pipelined_before_the_end_is_all_answered) {
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

TEST(http_server_drain, under_load_nothing_is_reset_and_every_request_is_answered) {
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

TEST(http_server_drain, closing_cancels_what_still_runs) {
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
