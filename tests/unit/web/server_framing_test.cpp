#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

#include "server_fixture.hpp"

// Framing seen from the wire: one refusal, the end, and never an answer to what came behind (peers in front would take it for that of another request).

namespace {

using namespace mamey;
using namespace mamey_test;
using namespace std::string_literals;

const auto behind = get("/smuggled");

std::string with(const std::string& fields, const std::string& body = "") {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body;
}

TEST(http_server_framing, what_is_ambiguous_is_refused_and_nothing_behind_it_is_read) {
  std::atomic<int> handled{0};
  running_server at([&](http::request& request, http::response& response) {
    ++handled;
    echo(request, response);
  });
  const std::pair<std::string, int> cases[] = {
      {with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
      {with("Transfer-Encoding: chunked\r\nContent-Length: 500\r\n", "0\r\n\r\n"), 400},
      {with("Content-Length: 0\r\nContent-Length: 44\r\n"), 400},
      {with("Content-Length: +0\r\n"), 400},
      {with("Content-Length: 0,0\r\n"), 400},
      {with("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 501},
      {with("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 501},
      {with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"), 400},
      {with("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), 400},
      {with("Transfer-Encoding:\n chunked\r\n", "0\r\n\r\n"), 400},
      {with("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), 501},
      {with("Transfer-Encoding: chunked\r\n", "0x0\r\n\r\n"), 400},
      {with("Transfer-Encoding: chunked\r\n", "0;\n\r\n\r\n"), 400},
      {with("Transfer-Encoding: chunked\r\n", "0\n\r\n"), 400},
      {with("Transfer-Encoding: chunked\r\n", "1\r\naX0\r\n\r\n"), 400},
      {with("Transfer-Encoding: chunked\r\n", "1\r\na\n0\r\n\r\n"), 400},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: a\n\n", 400},
      {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"s, 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400},
      {"GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
  };
  for (const auto& [text, status] : cases) {
    raw_client client(at.port);
    ASSERT_TRUE(client.send(text + behind));
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << text;
    EXPECT_EQ(answer->status, status) << text;
    EXPECT_EQ(answer->header("Connection"), "close") << text;
    EXPECT_FALSE(client.receive()) << "an answer to what came behind " << text;
    EXPECT_FALSE(client.was_reset()) << text;
  }
  EXPECT_EQ(handled, 0);
  EXPECT_EQ(at.server.read_statistics().refused, std::size(cases));
}

TEST(http_server_framing, answers_before_the_error_are_given) {
  running_server at(echo);
  raw_client client(at.port);
  ASSERT_TRUE(client.send(get("/1") + get("/2") + "GET / HTTP/9.9\r\n\r\n" + behind));
  EXPECT_EQ(client.receive()->body, "GET /1 ");
  EXPECT_EQ(client.receive()->body, "GET /2 ");
  EXPECT_EQ(client.receive()->status, 505);
  EXPECT_FALSE(client.receive());
}

TEST(http_server_framing, a_body_of_get_is_consumed) {
  running_server at(echo);
  raw_client client(at.port);
  ASSERT_TRUE(
      client.send("GET /1 HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(behind.size()) + "\r\n\r\n" + behind + get("/2")));
  EXPECT_EQ(client.receive()->body, "GET /1 " + behind);
  EXPECT_EQ(client.receive()->body, "GET /2 ");
}

TEST(http_server_framing, targets_on_which_servers_differ_are_refused_and_the_connection_goes_on) {
  running_server at(echo);
  raw_client client(at.port);
  for (const auto* target : {"/a%2Fb", "/a%5cb", "/a%00b", "/a\\b", "/%zz", "http://other/", "http://u@test/", "a", "*"}) {
    const auto answer = client.ask(get(target));
    ASSERT_TRUE(answer) << target;
    EXPECT_EQ(answer->status, 400) << target;
  }
  EXPECT_EQ(client.ask(get("http://TEST/absolute"))->body, "GET /absolute ");
  EXPECT_EQ(client.ask(get("/a/../b"))->body, "GET /b ");
}

TEST(http_server_framing, what_exceeds_a_limit_is_told_even_to_a_client_that_goes_on_sending) {
  running_server at(echo, {.max_request_line = 100, .max_header_bytes = 1000, .max_headers = 10, .max_body_bytes = 1000});
  const auto status_of = [&](const std::string& head, const std::string& more) {
    raw_client client(at.port);
    EXPECT_TRUE(client.send(head));
    for (int i = 0; i < 64 && client.send(more); ++i) {}
    const auto answer = client.receive();
    EXPECT_FALSE(client.was_reset());
    EXPECT_TRUE(answer && answer->body.starts_with(R"({"code":")")) << "the one shape of errors";
    return answer ? answer->status : 0;
  };
  const std::string much(16 << 10, 'x');
  EXPECT_EQ(status_of("GET /" + std::string(200, 'a'), much), 414);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(2000, 'a'), much), 431);
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 20; ++i) many += "a: b\r\n";
  EXPECT_EQ(status_of(many + "\r\n", much), 431);
  EXPECT_EQ(status_of(with("Content-Length: 2000000\r\n"), much), 413);
  EXPECT_EQ(status_of(with("Transfer-Encoding: chunked\r\n", "4000\r\n"), much), 413);
}

}  // namespace
