#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <iterator>
#include <system_error>
#include <utility>

#include <mamey/runtime/detail/loop_state.hpp>
#include <mamey/runtime/detail/socket_address.hpp>
#include <mamey/runtime/stream.hpp>

namespace mamey::inline v1 {
namespace {

constexpr int accepts_a_round = 64;  // then others get their turn
constexpr auto pause_without_descriptors = std::chrono::milliseconds(50);

/// `*` is every address of both families where the machine has both.
std::optional<detail::socket_address> address_to_bind(const std::string& host, std::uint16_t port) {
  if (host == "*" || host == "+") return detail::socket_address::parse("::", port);
  if (host == "localhost") return detail::socket_address::parse("127.0.0.1", port);
  return detail::socket_address::parse(host, port);
}

int open_listener(const detail::socket_address& address, int backlog, socket_handle& made) noexcept {
  made = socket_handle(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (made.get() < 0) return errno;
  const int on = 1;
  const int off = 0;
  ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);  // a restart need not wait for the last run's TIME_WAIT
  if (address.family() == AF_INET6) ::setsockopt(made.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (::bind(made.get(), address.get(), address.size) != 0 || ::listen(made.get(), backlog) != 0) return errno;
  return 0;
}

bool out_of_resources(int error) noexcept { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }

}  // namespace

struct tcp_listener::state final : event_loop::watcher {
  ~state() override { stop(); }

  void readable() override { accept_some(accepts_a_round); }
  void writable() override {}

  /// Hands over up to `most` queued connections. True when none is left.
  bool accept_some(int most) {
    for (; most > 0; --most) {
      socket_handle accepted_one(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (accepted_one.get() >= 0) {
        accepted(std::move(accepted_one));
        if (socket.get() < 0) return true;  // the callback closed us
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return true;
      } else if (out_of_resources(errno)) {
        pause();
        return true;
      }
      // Anything else befell one connection that was about to be accepted (accept(2), "Error handling").
    }
    if (loop != nullptr && socket.get() >= 0) loop->call_readable_again(socket.get());
    return false;
  }

  /// The queue stays in the kernel, and no new edge tells of it: look again by ourselves.
  void pause() {
    if (retry != 0) loop->cancel_timer(retry);
    retry = loop->add_timer(loop->now() + pause_without_descriptors, [this] {
      retry = 0;
      accept_some(accepts_a_round);
    });
  }

  void stop() noexcept {
    if (socket.get() < 0) return;
    if (loop != nullptr) {
      loop->unwatch(socket.get());
      if (retry != 0) loop->cancel_timer(retry);
    }
    retry = 0;
    socket = socket_handle();
  }

  socket_handle socket;
  std::uint16_t port = 0;
  event_loop::state* loop = nullptr;
  std::function<void(socket_handle)> accepted;
  std::uint64_t retry = 0;
};

tcp_listener::tcp_listener(const std::string& host, std::uint16_t port, int backlog) : state_(std::make_unique<state>()) {
  const auto place = host + ":" + std::to_string(port);
  auto address = address_to_bind(host, port);
  if (!address) {
    throw std::system_error(std::make_error_code(std::errc::invalid_argument), "cannot listen on " + place + ", which is no address of this machine");
  }
  int error = open_listener(*address, backlog, state_->socket);
  if (error == EAFNOSUPPORT && address->family() == AF_INET6 && host != "::") {
    address = detail::socket_address::parse("0.0.0.0", port);
    error = open_listener(*address, backlog, state_->socket);
  }
  if (error != 0) throw std::system_error(error, std::system_category(), "cannot listen on " + place);
  detail::socket_address bound;
  ::getsockname(state_->socket.get(), bound.get(), &bound.size);
  state_->port = bound.port();
}

tcp_listener::~tcp_listener() = default;

std::uint16_t tcp_listener::port() const noexcept { return state_->port; }

void tcp_listener::start(std::function<void(socket_handle)> accepted) {
  if (detail::here.loop == nullptr) throw std::logic_error("tcp_listener::start was called outside an event loop");
  state_->accepted = std::move(accepted);
  state_->loop = detail::here.loop;
  state_->loop->watch(state_->socket.get(), *state_);
}

void tcp_listener::turn_away() noexcept {
  if (!state_ || state_->socket.get() < 0) return;
  // A packet with SYN is dropped before the listener sees it. A listener's filter is given the TCP header; its byte 13 holds the flags (RFC 9293 §3.1).
  sock_filter drop_syn[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x02, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
  };
  const sock_fprog program{.len = static_cast<unsigned short>(std::size(drop_syn)), .filter = drop_syn};
  // Where the system forbids it, the moment between the last look into the queue and the close stays as short as it can be.
  ::setsockopt(state_->socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

void tcp_listener::close() noexcept {
  if (!state_ || state_->socket.get() < 0) return;
  if (state_->loop != nullptr) {
    while (!state_->accept_some(accepts_a_round)) {
    }
  }
  state_->stop();
}

}  // namespace mamey::inline v1
