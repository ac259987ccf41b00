#include "tcp_gate.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <list>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace mamey::testing {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void reset(int descriptor) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(descriptor);
}

struct pair {
  int client = -1, server = -1;
  std::string kept = {};  ///< of the server's
  bool asked = false;     ///< the client spoke last
  bool ended = false;     ///< the server has closed while what it had said was kept
  bool let_go = false;    ///< the client has heard of that
};

bool send_all(int to, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

tcp_gate::tcp_gate(std::uint16_t server) : server_(server), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  auto address = loopback(0);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 64) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("the gate has no port");
  port_ = ntohs(address.sin_port);
  thread_ = std::jthread([this] { run(); });
}

tcp_gate::~tcp_gate() {
  stops_ = true;
  thread_.join();
  close(listener_);
}

void tcp_gate::cut() {
  cuts_ = true;
  while (cuts_) std::this_thread::yield();
}

void tcp_gate::run() {
  std::list<pair> pairs;
  const auto drop = [&](std::list<pair>::iterator gone) {
    reset(gone->client);
    reset(gone->server);
    return pairs.erase(gone);
  };
  std::array<char, 65'536> bytes{};
  while (!stops_) {
    std::vector<pollfd> watched{{.fd = listener_, .events = POLLIN, .revents = 0}};
    for (const auto& each : pairs) {
      watched.push_back({.fd = each.client, .events = static_cast<short>(swallowing_ ? 0 : POLLIN), .revents = 0});
      watched.push_back({.fd = each.ended ? -1 : each.server, .events = POLLIN, .revents = 0});
    }
    poll(watched.data(), watched.size(), 2);
    std::size_t at = 1;
    for (auto each = pairs.begin(); each != pairs.end(); at += 2) {
      bool alive = true;
      if (!holding_ && !each->kept.empty()) alive = send_all(each->client, std::exchange(each->kept, {}));
      if (alive && !holding_ && each->ended && !each->let_go) {
        shutdown(each->client, SHUT_WR);  // a reset would destroy what it has not read yet
        each->let_go = true;
      }
      if (alive && watched[at].revents != 0 && !swallowing_) {
        const auto count = recv(each->client, bytes.data(), bytes.size(), 0);
        alive = count > 0 && (each->ended || send_all(each->server, {bytes.data(), static_cast<std::size_t>(count)}));
        if (each->ended) lost_bytes_ += static_cast<std::uint64_t>(std::max<ssize_t>(count, 0));
        each->asked = true;
      }
      if (alive && watched[at + 1].revents != 0) {
        const auto count = recv(each->server, bytes.data(), bytes.size(), 0);
        each->ended = count <= 0 && !each->kept.empty();
        if (each->ended) ++ended_;
        alive = count > 0 || each->ended;
        if (count > 0 && std::exchange(each->asked, false)) ++turns_;
        if (count <= 0) {
          // The rest is for the client to hear.
        } else if (holding_) {
          each->kept.append(bytes.data(), static_cast<std::size_t>(count));
          held_bytes_ += static_cast<std::uint64_t>(count);
        } else {
          alive = send_all(each->client, {bytes.data(), static_cast<std::size_t>(count)});
        }
      }
      each = alive ? std::next(each) : drop(each);
    }
    if (cuts_) {
      while (!pairs.empty()) drop(pairs.begin());
      cuts_ = false;
    }
    if ((watched[0].revents & POLLIN) != 0) {
      const int client = accept(listener_, nullptr, nullptr);
      const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const auto address = loopback(server_);
      const int on = 1;
      setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      ++accepted_;
      if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        pairs.push_back({.client = client, .server = server});
      } else {
        reset(client);
        close(server);
      }
    }
  }
  while (!pairs.empty()) drop(pairs.begin());
}

}  // namespace mamey::testing
