// The floor: an epoll loop that looks for the empty line of each request and writes a fixed answer, all answers of a read at once. No
// parsing, no safety. usage: bench_raw_epoll PORT

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

constexpr std::string_view answer =
    "HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 00:00:00 GMT\r\nContent-Type: application/json\r\nContent-Length: 24\r\n"
    "X-Request-ID: 0190163d8694739baea5966c26f8ad91\r\n\r\n{\"text\":\"Hello, world!\"}";

int listen_on(unsigned short port) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener, 1024) != 0) {
    std::perror("listen");
    std::exit(1);
  }
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::printf("%u\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return listener;
}

void watch(int loop, int descriptor) {
  epoll_event wanted{};
  wanted.events = EPOLLIN;
  wanted.data.fd = descriptor;
  epoll_ctl(loop, EPOLL_CTL_ADD, descriptor, &wanted);
}

bool serve(int descriptor, std::string& out) {
  char bytes[16384];
  const auto count = read(descriptor, bytes, sizeof bytes);
  if (count <= 0) return false;
  const std::string_view text(bytes, static_cast<std::size_t>(count));
  out.clear();
  for (auto at = text.find("\r\n\r\n"); at != std::string_view::npos; at = text.find("\r\n\r\n", at + 4)) out += answer;
  return write(descriptor, out.data(), out.size()) == static_cast<ssize_t>(out.size());
}

}  // namespace

int main(int argc, char** argv) {
  const int listener = listen_on(static_cast<unsigned short>(argc > 1 ? std::atoi(argv[1]) : 0)), loop = epoll_create1(0), yes = 1;
  watch(loop, listener);
  std::string out;
  for (;;) {
    epoll_event ready[256];
    const int count = epoll_wait(loop, ready, 256, -1);
    for (int i = 0; i < count; ++i) {
      const int descriptor = ready[i].data.fd;
      if (descriptor == listener) {
        const int fresh = accept(listener, nullptr, nullptr);
        setsockopt(fresh, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        watch(loop, fresh);
      } else if (!serve(descriptor, out)) {
        close(descriptor);
      }
    }
  }
}
