#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/core/rules.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/sync.hpp>

#include "server_fixture.hpp"

// Clients that cost little and want much: they wait, and nobody else does.

namespace {

using namespace mamey;
using namespace mamey_test;
using namespace std::chrono_literals;
using namespace std::string_literals;

std::unique_ptr<raw_client> who_does_not_read(std::uint16_t port) {
  auto client = std::make_unique<raw_client>(port);
  client->shrink_receive_buffer();
  return client;
}

constexpr std::size_t some = 8 << 20,
                      much = 24 << 20;  // more than the kernel holds for a client that does not read, and for one that has not begun to

void answer_much(http::request& request, http::response& response) {
  if (request.path() == "/some") return void(response.body().assign(some, 'x'));
  if (request.path() == "/much") return void(response.body().assign(much, 'x'));
  echo(request, response);
}

// ── Answers that nobody reads ──

TEST(http_server_pressure, an_answer_that_waits_for_its_reader_holds_neither_a_place_nor_a_fiber) {
  running_server at(answer_much, {.max_in_flight = 1});
  std::vector<std::unique_ptr<raw_client>> slow;
  for (int i = 0; i < 3; ++i) {
    slow.push_back(std::make_unique<raw_client>(at.port));
    ASSERT_TRUE(slow.back()->send(get("/much")));
    ASSERT_TRUE(eventually([&] { return at.server.read_statistics().answers_waiting == slow.size(); }));
  }
  EXPECT_EQ(at.server.read_statistics().in_flight, 0U);
  ASSERT_TRUE(eventually([&] {
    std::uint64_t alive = 0;
    for (std::size_t i = 0; i < at.runtime.loops(); ++i) alive += at.runtime.loop(i).read_statistics().fibers_alive;
    return alive == 0;
  }));
  auto good = at.connect();
  EXPECT_EQ(good.ask(get("/"))->status, 200);
  EXPECT_GE(at.server.read_statistics().buffered_bytes, 4U << 20);
  for (auto& each : slow) {
    const auto answer = each->receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body.size(), much) << "who reads in the end gets it all";
  }
  EXPECT_TRUE(eventually([&] { return at.server.read_statistics().buffered_bytes == 0; }));
  EXPECT_EQ(at.server.read_statistics().shed, 0U);
}

TEST(http_server_pressure, a_pipeline_is_not_answered_further_while_its_answers_are_not_taken) {
  std::atomic<int> handled{0};
  running_server at([&](http::request& request, http::response& response) {
    ++handled;
    response.body() = std::string(request.path()) + std::string(1 << 20, 'x');
  });
  const auto client = std::make_unique<raw_client>(at.port);
  std::string pipeline;
  for (int i = 0; i < 40; ++i) pipeline += get("/" + std::to_string(i));
  ASSERT_TRUE(client->send(pipeline));
  ASSERT_TRUE(eventually([&] { return at.server.read_statistics().answers_waiting == 1; }));
  EXPECT_LT(handled, 40) << "the kernel takes some megabytes at most";
  for (int i = 0; i < 40; ++i) {
    const auto answer = client->receive();
    ASSERT_TRUE(answer) << i;
    EXPECT_EQ(answer->body.substr(0, answer->body.find('x')), "/" + std::to_string(i));
  }
  EXPECT_EQ(handled, 40);
}

TEST(http_server_pressure, waiting_answers_are_bounded_for_all_together_and_those_that_stand_still_go_first) {
  running_server at(answer_much, {.max_body_bytes = 1 << 20, .max_buffered_bytes = 16 << 20});
  std::vector<std::unique_ptr<raw_client>> slow;
  for (int i = 0; i < 12; ++i) {
    slow.push_back(who_does_not_read(at.port));
    ASSERT_TRUE(slow.back()->send(get("/some")));
  }
  EXPECT_TRUE(eventually([&] {
    const auto now = at.server.read_statistics();
    return now.requests == slow.size() && now.in_flight == 0 && now.shed > 0 && now.buffered_bytes <= 16U << 20;
  })) << "every slow client has begun to stand still before the good one comes";
  auto good = at.connect();
  const auto answer = good.ask(get("/some"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body.size(), some);
}

TEST(http_server_pressure, a_client_that_reads_too_slowly_is_cut_off_and_one_that_reads_fast_enough_is_not) {
  running_server at(answer_much, {.min_send_rate = 100 << 20, .rate_grace = 50ms});
  const auto slow = who_does_not_read(at.port);
  ASSERT_TRUE(slow->send(get("/much")));
  EXPECT_TRUE(eventually([&] { return at.server.read_statistics().timed_out == 1; }));
  EXPECT_FALSE(slow->receive());

  running_server patient(answer_much, {.min_send_rate = 1000, .rate_grace = 2s});
  raw_client steady(patient.port);
  const auto answer = steady.ask(get("/much"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body.size(), much);
  EXPECT_EQ(patient.server.read_statistics().timed_out, 0U);
}

TEST(http_server_pressure, a_streamed_answer_gives_its_place_away_while_its_reader_takes_his_time) {
  running_server at(
      [](http::request& request, http::response& response) {
        if (request.path() == "/") return echo(request, response);
        response.stream([](http::body_writer& out) {
          for (int i = 0; i < 512; ++i) out.write(std::string(64 << 10, 'x'));
        });
      },
      {.max_in_flight = 1});
  const auto slow = std::make_unique<raw_client>(at.port);
  ASSERT_TRUE(slow->send(get("/stream")));
  ASSERT_TRUE(eventually([&] { return at.server.read_statistics().answers_waiting == 1; }));
  auto good = at.connect();
  EXPECT_EQ(good.ask(get("/"))->status, 200);
  const auto answer = slow->receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body.size(), 512U * (64 << 10));
  EXPECT_TRUE(eventually([&] { return at.server.read_statistics().in_flight == 0 && at.server.read_statistics().answers_waiting == 0; }));
}

// ── Bodies that do not end ──

TEST(http_server_pressure, bodies_that_arrive_are_bounded_for_all_together_and_those_that_stand_still_go_first) {
  constexpr std::size_t size = 200'000;
  running_server at(echo, {.max_body_bytes = size, .max_buffered_bytes = 3 * size});
  std::vector<std::unique_ptr<raw_client>> stuck;
  const auto large = post("/", std::string(size, 'x'));
  for (int i = 0; i < 8; ++i) {
    stuck.push_back(std::make_unique<raw_client>(at.port));
    ASSERT_TRUE(stuck.back()->send(large.substr(0, large.size() - 1)));
    EXPECT_TRUE(eventually([&] { return at.server.read_statistics().buffered_bytes <= 3 * size; }));
  }
  ASSERT_TRUE(eventually([&] { return at.server.read_statistics().shed >= 5; }));
  const auto refused = stuck.front()->receive();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 503);
  EXPECT_EQ(refused->header("Connection"), "close");
  EXPECT_EQ(refused->header("Retry-After"), "1");
  EXPECT_EQ(stuck.front()->wait_for_end(), closing::orderly);
  // A client that goes on sending is no obstacle.
  auto good = at.connect();
  EXPECT_EQ(good.ask(large)->status, 200);
  EXPECT_EQ(at.connect().ask(get("/"))->status, 200);
  for (auto& each : stuck) each->close();
  EXPECT_TRUE(eventually([&] { return at.server.read_statistics().buffered_bytes == 0; }));
}

TEST(http_server_pressure, a_body_that_drips_is_told_so) {
  running_server at(echo, {.min_receive_rate = 1 << 20, .rate_grace = 30ms});
  raw_client client(at.port);
  ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nfive"));
  EXPECT_EQ(client.receive()->status, 408);
  EXPECT_EQ(client.wait_for_end(), closing::orderly);
}

// ── Overload ──

TEST(http_server_pressure, what_is_answered_under_overload_needs_no_place_and_takes_nobody_along) {
  semaphore release(0);
  running_server at(
      [&](http::request& request, http::response& response) {
        if (request.path() == "/slow") release.acquire();
        echo(request, response);
      },
      {.max_in_flight = 1});
  at.handler.essential = "/health";
  raw_client busy(at.port), other(at.port);
  ASSERT_TRUE(busy.send(get("/slow")));
  ASSERT_TRUE(eventually([&] { return at.server.read_statistics().in_flight == 1; }));
  ASSERT_TRUE(other.send(get("/health") + get("/other") + get("/health")));
  for (const int status : {200, 503, 200}) EXPECT_EQ(other.receive()->status, status);
  release.release();
  EXPECT_EQ(busy.receive()->status, 200);
  ASSERT_TRUE(eventually([&] { return at.server.read_statistics().in_flight == 0; }));
  EXPECT_EQ(other.ask(get("/other"))->status, 200);
}

TEST(http_server_pressure, a_shed_head_has_no_body) {
  semaphore release(0);
  running_server at([&](http::request&, http::response&) { release.acquire(); }, {.max_in_flight = 1});
  raw_client busy(at.port), shed(at.port);
  ASSERT_TRUE(busy.send(get("/")));
  ASSERT_TRUE(eventually([&] { return at.server.read_statistics().in_flight == 1; }));
  ASSERT_TRUE(shed.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + get("/next")));
  const auto to_head = shed.receive(true);
  EXPECT_EQ(to_head->status, 503);
  EXPECT_NE(to_head->header("Content-Length"), "0");
  const auto to_get = shed.receive();
  ASSERT_TRUE(to_get) << "the body of the refusal would have been read as an answer";
  EXPECT_EQ(to_get->status, 503);
  release.release();
}

TEST(http_server_pressure, idle_connections_give_way_to_new_clients) {
  running_server at(echo, {.max_connections = 4});
  std::vector<std::unique_ptr<raw_client>> idle;
  for (int i = 0; i < 4; ++i) {
    idle.push_back(std::make_unique<raw_client>(at.port));
    if (i % 2 == 0) {
      ASSERT_EQ(idle.back()->ask(get("/"))->status, 200);
    }
  }
  ASSERT_TRUE(eventually([&] { return at.server.read_statistics().connections_open == 4; }));
  ASSERT_TRUE(eventually([&] {
    const auto answer = at.connect().ask(get("/"));
    return answer && answer->status == 200;
  })) << "a second later";
}

// ── The end of a connection ──

TEST(http_server_pressure, an_end_that_the_client_asked_for_takes_no_answer_along_either) {
  const std::string large(500'000, 'x');
  running_server at([&](http::request&, http::response& response) { response.body() = large; });
  for (int i = 0; i < 20; ++i) {
    raw_client client(at.port);
    ASSERT_TRUE(client.send(get("/", "Connection: close\r\n") + std::string(200'000, 'y')));
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << "round " << i << (client.was_reset() ? ": reset" : "");
    EXPECT_EQ(answer->body.size(), large.size());
    EXPECT_EQ(client.wait_for_end(), closing::orderly);
  }
}

TEST(http_server_pressure, half_sent_headers_do_not_hold_a_shutdown) {
  running_server at(echo);
  std::vector<std::unique_ptr<raw_client>> half;
  for (int i = 0; i < 8; ++i) {
    half.push_back(std::make_unique<raw_client>(at.port));
    ASSERT_TRUE(half.back()->send("GET / HTTP/1.1\r\nHos"));
  }
  ASSERT_TRUE(eventually([&] { return at.server.read_statistics().buffered_bytes > 8U * 10; }));
  at.server.stop_accepting();
  EXPECT_TRUE(at.server.drain(steady_now() + 10ms)) << "nothing of them can become a request in time";
  EXPECT_TRUE(eventually([&] { return at.server.read_statistics().connections_open == 0; })) << "long before their own timeout";
  EXPECT_EQ(half.front()->receive()->status, 503);
}

// ── Settings ──

TEST(http_server_options, limits_that_would_refuse_everybody_are_refused_with_their_range) {
  struct collected final : violations {
    void add(std::string_view member, std::string, std::string message) override { text += std::string(member) + ": " + message + "\n"; }
    std::string text;
  };
  const auto complaint = [](const web::server_options& options) {
    collected found;
    web::server_options::check(options, found);
    return found.text;
  };
  EXPECT_EQ(complaint({}), "");
  EXPECT_EQ(complaint({.max_in_flight = 0}), "maxInFlight: expected 1 to 10000000, got 0\n");
  EXPECT_EQ(complaint({.retry_after = -5s}), "retryAfter: expected 0 (none) or up to 365 days, got -5000 ms\n");
  EXPECT_EQ(complaint({.header_timeout = -1ms}), "headerTimeout: expected more than 0 and at most 365 days, got -1 ms\n");
  EXPECT_EQ(complaint({.request_timeout = 0ms}), "");
  const web::server_options wrong[] = {{.max_connections = 0},
                                       {.max_request_line = 0},
                                       {.max_request_line = 1 << 20},
                                       {.max_header_bytes = 0},
                                       {.max_headers = 0},
                                       {.max_buffered_bytes = 1 << 20},
                                       {.body_timeout = 0ms},
                                       {.idle_timeout = 0ms},
                                       {.write_timeout = 0ms},
                                       {.rate_grace = 0ms},
                                       {.request_timeout = -1ms},
                                       {.request_timeout = std::chrono::days(400)},
                                       {.correlation_context_header = "a b"},
                                       {.correlation_context_header = "Content-Length"},
                                       {.socket_mode = "rw-rw----"}};
  for (const auto& each : wrong) EXPECT_NE(complaint(each), "") << &each - wrong;

  runtime loops({.threads = 1});
  function_handler handler(echo);
  web::http_server refused(loops, {.urls = {"http://127.0.0.1:0"}, .max_in_flight = 0}, handler);
  EXPECT_THROW(refused.start(), validation_error);
}

}  // namespace
