#include "raw_client.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>

#include <mamey/core/text.hpp>
#include <mamey/http/parser.hpp>

namespace mamey_test {

namespace {

int connect_to(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return -1;
  int descriptor = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor >= 0 && connect(descriptor, found->ai_addr, found->ai_addrlen) != 0) {
    ::close(descriptor);
    descriptor = -1;
  }
  freeaddrinfo(found);
  const timeval patience{5, 0};
  if (descriptor >= 0) setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return descriptor;
}

}  // namespace

std::string raw_answer::header(std::string_view name) const {
  for (const auto& [each, value] : headers) {
    if (mamey::equal_ignoring_case(each, name)) return value;
  }
  return "";
}

raw_client::raw_client(std::uint16_t port, const std::string& host) : socket_(connect_to(host, port)) {}
raw_client::~raw_client() { close(); }

bool raw_client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool raw_client::fill() {
  char bytes[16384];
  const auto count = ::recv(socket_, bytes, sizeof bytes, 0);
  if (count < 0 && errno == ECONNRESET) reset_ = true;
  if (count <= 0) return false;
  buffer_.append(bytes, static_cast<std::size_t>(count));
  return true;
}

std::optional<raw_answer> raw_client::receive(bool to_head) {
  using mamey::http::message_parser;
  message_parser parser(message_parser::role::response,
                        {.start_line = 1 << 10, .header_bytes = 64 << 10, .headers = 100, .body = 64 << 20});
  if (to_head) parser.expect_no_body();
  while (parser.advance(buffer_) < message_parser::state::complete) {
    buffer_.resize(parser.squeeze(buffer_));
    if (fill()) continue;
    if (reset_ || parser.finish() != message_parser::state::complete) return std::nullopt;
  }
  if (parser.current() == message_parser::state::failed) return std::nullopt;
  parser.locate(buffer_);
  raw_answer answer{.status = parser.status(), .headers = {}, .body = std::string(parser.body())};
  for (const auto& each : parser.headers()) answer.headers.emplace_back(each.name, each.value);
  buffer_.erase(0, parser.consumed());
  return answer;
}

closing raw_client::wait_for_end() {
  char bytes[16384];
  for (;;) {
    const auto count = ::recv(socket_, bytes, sizeof bytes, 0);
    if (count > 0) continue;
    if (count == 0) return closing::orderly;
    return errno == ECONNRESET ? closing::reset : closing::not_at_all;
  }
}

void raw_client::finish_sending() { shutdown(socket_, SHUT_WR); }

void raw_client::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

void raw_client::shrink_receive_buffer() {
  const int size = 4096;
  setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

std::string get(std::string_view target, std::string_view fields) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n" + std::string(fields) + "\r\n";
}

std::string post(std::string_view target, std::string_view body, std::string_view fields) {
  return "POST " + std::string(target) + " HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(fields) + "\r\n" + std::string(body);
}

}  // namespace mamey_test
