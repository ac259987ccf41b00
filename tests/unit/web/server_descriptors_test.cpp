// The process has no descriptor for another connection.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/sync.hpp>

#include "server_fixture.hpp"

namespace {

using namespace std::chrono_literals;
using namespace mamey_test;

/// While it lives, this process opens no descriptor but in the place of one that was closed.
class no_more_descriptors {
 public:
  no_more_descriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int lowest = ::fcntl(0, F_DUPFD_CLOEXEC, 0);
    ::close(lowest);
    auto now = before_;
    now.rlim_cur = static_cast<rlim_t>(lowest);
    ::setrlimit(RLIMIT_NOFILE, &now);
  }
  ~no_more_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

/// A socket that has its descriptor before it is needed.
class early_client {
 public:
  explicit early_client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), port_(port) {
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~early_client() { ::close(socket_); }
  early_client(const early_client&) = delete;
  early_client& operator=(const early_client&) = delete;

  /// The first bytes of the answer; "closed" when there is none, "silence" when nothing happens.
  std::string ask(const std::string& request) {
    sockaddr_in to{.sin_family = AF_INET, .sin_port = htons(port_), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return "refused";
    (void)::send(socket_, request.data(), request.size(), MSG_NOSIGNAL);
    std::string first(12, ' ');
    const auto count = ::recv(socket_, first.data(), first.size(), MSG_WAITALL);
    if (count < 0 && errno == EAGAIN) return "silence";
    return count <= 0 ? "closed" : first;
  }

 private:
  int socket_;
  std::uint16_t port_;
};

TEST(server_descriptors, an_idle_connection_gives_way_when_they_run_out) {
  running_server server(echo);
  std::vector<std::unique_ptr<raw_client>> idle;
  for (int i = 0; i < 6; ++i) {
    idle.push_back(std::make_unique<raw_client>(server.port));
    ASSERT_TRUE(idle.back()->ask(get("/")));
  }
  early_client late(server.port);
  const no_more_descriptors from_now_on;
  EXPECT_EQ(late.ask(get("/late")), "HTTP/1.1 200");
}

TEST(server_descriptors, a_client_hears_that_there_is_no_room_when_they_run_out_and_nobody_is_idle) {
  mamey::semaphore arrived(0), gate(0);
  running_server server([&](mamey::http::request& request, mamey::http::response& response) {
    if (request.path() == "/waits") {
      arrived.release();
      gate.acquire();
    }
    echo(request, response);
  });
  raw_client busy(server.port);
  ASSERT_TRUE(busy.send(get("/waits")));
  arrived.acquire();
  auto late = std::make_unique<early_client>(server.port);
  {
    const no_more_descriptors from_now_on;
    const auto heard = late->ask(get("/late"));
    EXPECT_TRUE(heard == "HTTP/1.1 503" || heard == "closed") << heard;
  }
  gate.release();
  const auto answer = busy.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(server.connect().ask(get("/"))->status, 200) << "it goes on";
}

TEST(server_descriptors, max_connections_is_what_fits) {
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  auto low = before;
  low.rlim_cur = 600;
  ::setrlimit(RLIMIT_NOFILE, &low);
  {
    running_server server(echo, {.max_connections = 10'000});
    std::vector<std::unique_ptr<raw_client>> all;
    std::optional<int> refused;
    ::setrlimit(RLIMIT_NOFILE, &before);  // the client's sockets are of this process, too
    for (int i = 0; i < 400 && !refused; ++i) {
      all.push_back(std::make_unique<raw_client>(server.port));
      const auto answer = all.back()->ask(get("/"));
      if (!answer || answer->status != 200) refused = answer ? answer->status : 0;
    }
    EXPECT_EQ(refused, 503);
    EXPECT_EQ(all.size(), 345U) << "600 less a reserve of 256, and one more";
  }
}

}  // namespace
