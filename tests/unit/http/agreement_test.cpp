#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/http/parser.hpp>

// Beast is the independent reader: a message that both accept must end at the same byte with the same body, or a peer that uses one could
// smuggle a request past the other.

namespace {

using namespace std::string_literals;
using mamey::http::message_parser;

struct accepted {
  std::size_t consumed = 0;
  std::string target, body;
};

std::optional<accepted> ours(std::string text) {
  message_parser parser(message_parser::role::request, {});
  if (parser.advance(text) != message_parser::state::complete) return std::nullopt;
  parser.locate(text);
  return accepted{parser.consumed(), std::string(parser.target()), std::string(parser.body())};
}

std::optional<accepted> beasts(const std::string& text) {
  namespace http = boost::beast::http;
  http::request_parser<http::string_body> parser;
  parser.eager(true);
  std::size_t at = text.starts_with("\r\n") ? 2 : 0;
  while (!parser.is_done()) {
    boost::system::error_code error;
    const auto used = parser.put(boost::asio::buffer(text.data() + at, text.size() - at), error);
    at += used;
    if (error || (used == 0 && !parser.is_done())) return std::nullopt;
  }
  return accepted{at, std::string(parser.get().target()), parser.get().body()};
}

const std::vector<std::string> seeds{
    "GET /a?b=c HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\nTrailer: 1\r\n\r\n",
    "PUT / HTTP/1.0\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc",
};

const std::vector<std::string> fragments{"\r\n",
                                         "\n",
                                         "\r",
                                         " ",
                                         "\t",
                                         ":",
                                         ";",
                                         ",",
                                         "0",
                                         "1",
                                         "5",
                                         "\0"s,
                                         "\x0b",
                                         "+",
                                         "-",
                                         "0x",
                                         "_",
                                         "a",
                                         "F",
                                         "\x85",
                                         "\"",
                                         "chunked",
                                         "Content-Length: 5\r\n",
                                         "Transfer-Encoding: chunked\r\n",
                                         "Host: b\r\n",
                                         "0\r\n\r\n",
                                         "GET / HTTP/1.1\r\nHost: a\r\n\r\n"};

std::string mutated(std::mt19937& random) {
  auto text = seeds[random() % seeds.size()];
  for (auto changes = 1 + random() % 3; changes > 0; --changes) {
    const auto at = random() % (text.size() + 1);
    const auto& fragment = fragments[random() % fragments.size()];
    switch (random() % 3) {
      case 0:
        text.insert(at, fragment);
        break;
      case 1:
        text.erase(at, 1 + random() % 3);
        break;
      default:
        text.replace(at, std::min(fragment.size(), text.size() - at), fragment);
    }
  }
  return text + "GET /behind HTTP/1.1\r\nHost: a\r\n\r\n";
}

TEST(http_parser, never_disagrees_with_another_reader_about_where_a_message_ends) {
  std::mt19937 random(20260131);
  int both = 0;
  for (int i = 0; i < 40'000; ++i) {
    const auto text = mutated(random);
    const auto mine = ours(text);
    if (!mine) continue;
    const auto other = beasts(text);
    if (!other) continue;
    ++both;
    ASSERT_EQ(mine->consumed, other->consumed) << text;
    ASSERT_EQ(mine->body, other->body) << text;
    ASSERT_EQ(mine->target, other->target) << text;
  }
  EXPECT_GT(both, 3'000);
}

}  // namespace
