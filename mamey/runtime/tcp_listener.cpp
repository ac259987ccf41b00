#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <system_error>
#include <utility>

#include <mamey/observability/log.hpp>
#include <mamey/runtime/detail/loop_state.hpp>
#include <mamey/runtime/detail/socket_address.hpp>
#include <mamey/runtime/stream.hpp>

namespace mamey::inline v1 {
namespace {

constexpr int accepts_a_round = 64;  // then others get their turn
constexpr auto pause_without_descriptors = std::chrono::milliseconds(50);
constexpr auto patience_when_full = std::chrono::seconds(2);
constexpr auto between_lines = std::chrono::seconds(10);

const logger log{"mamey.runtime"};

/// `*` is every address of both families where the machine has both.
std::optional<detail::socket_address> address_to_bind(const std::string& host, std::uint16_t port) {
  if (host == "*" || host == "+") return detail::socket_address::parse("::", port);
  if (host == "localhost") return detail::socket_address::parse("127.0.0.1", port);
  return detail::socket_address::parse(host, port);
}

constexpr std::string_view unix_prefix = "unix:";

/// A socket file outlives its process: removed when nobody listens there any more.
void remove_if_abandoned(const detail::socket_address& address, const std::string& path) noexcept {
  struct ::stat found{};
  if (::lstat(path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) return;
  const socket_handle probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(probe.get(), address.get(), address.size) != 0 && errno == ECONNREFUSED) ::unlink(path.c_str());
}

/// `bound` is called between bind and listen: nobody can have connected yet. It returns an error or 0.
template <class Bound>
int open_listener(const detail::socket_address& address, int backlog, socket_handle& made, Bound bound) noexcept {
  made = socket_handle(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (made.get() < 0) return errno;
  const int on = 1;
  const int off = 0;
  ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);  // a restart need not wait for the last run's TIME_WAIT
  if (address.family() == AF_INET6) ::setsockopt(made.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (::bind(made.get(), address.get(), address.size) != 0) return errno;
  if (const int error = bound(); error != 0) return error;
  return ::listen(made.get(), backlog) == 0 ? 0 : errno;
}

int open_listener(const detail::socket_address& address, int backlog, socket_handle& made) noexcept {
  return open_listener(address, backlog, made, [] { return 0; });
}

socket_handle spare_descriptor() noexcept { return socket_handle(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

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
        full_since = {};
        if (!hand_over(std::move(accepted_one))) return true;
        if (socket.get() < 0) return true;  // the callback closed us
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return true;
      } else if (const int error = errno; out_of_resources(error)) {
        tell_of_want(error);
        const auto now = loop != nullptr ? loop->now() : steady_time{};
        if (full_since == steady_time{}) full_since = now;
        if (make_room && make_room()) continue;
        if (now - full_since >= patience_when_full) turn_some_away();
        pause();
        return true;
      }
      // Anything else befell one connection that was about to be accepted (accept(2), "Error handling").
    }
    if (loop != nullptr && socket.get() >= 0) loop->call_readable_again(socket.get());
    return false;
  }

  /// False when there is no memory for another connection, which is closed then; the rest wait a moment.
  bool hand_over(socket_handle&& one) {
    try {
      accepted(std::move(one));
      return true;
    } catch (const std::exception& failure) {
      const auto* system = dynamic_cast<const std::system_error*>(&failure);
      tell_of_want(system != nullptr ? system->code().value() : ENOMEM);
    }
    if (socket.get() >= 0) pause();
    return false;
  }

  /// The clients in the queue learn that there is no room. Otherwise they would wait.
  void turn_some_away() {
    for (int most = accepts_a_round; most > 0 && spare.get() >= 0; --most) {
      spare = socket_handle();
      socket_handle one(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      const bool any = one.get() >= 0;
      if (any && refuse) refuse(std::move(one));
      one = socket_handle();
      spare = spare_descriptor();
      if (!any) return;
    }
  }

  /// Clients wait, and nothing else would show it.
  void tell_of_want(int error) {
    const auto now = loop != nullptr ? loop->now() : steady_time{};
    if (told_of_want != steady_time{} && now - told_of_want < between_lines) return;
    told_of_want = now;
    log.warning("no connection can be accepted on port {port}, clients wait: {error}", port, std::system_category().message(error));
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
    if (!path.empty()) ::unlink(path.c_str());
    socket = socket_handle();
  }

  socket_handle socket;
  std::string path;  ///< of a socket in the file system
  std::uint16_t port = 0;
  event_loop::state* loop = nullptr;
  std::function<void(socket_handle)> accepted;
  std::function<bool()> make_room;
  std::function<void(socket_handle)> refuse;
  socket_handle spare;
  steady_time full_since{};  ///< descriptors ran out; zero: they have not
  std::uint64_t retry = 0;
  steady_time told_of_want{};
};

tcp_listener::tcp_listener(const std::string& host, std::uint16_t port, const options& how) : state_(std::make_unique<state>()) {
  if (host.starts_with(unix_prefix)) {
    listen_in_file_system(host.substr(unix_prefix.size()), how);
    return;
  }
  const auto place = detail::place_of(host, port);
  auto address = address_to_bind(host, port);
  if (!address) {
    throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                            "cannot listen on " + place + ", which is no address of this machine");
  }
  int error = open_listener(*address, how.backlog, state_->socket);
  if (error == EAFNOSUPPORT && (host == "*" || host == "+")) {  // an IPv6 address that was asked for stands for no other
    address = detail::socket_address::parse("0.0.0.0", port);
    error = open_listener(*address, how.backlog, state_->socket);
  }
  if (error != 0) {
    const bool has_no_ipv6 = error == EAFNOSUPPORT && address->family() == AF_INET6;
    throw std::system_error(
        error, std::system_category(),
        "cannot listen on " + place + (has_no_ipv6 ? ", because this machine has no IPv6 (* is every address it has)" : ""));
  }
  detail::socket_address bound;
  ::getsockname(state_->socket.get(), bound.get(), &bound.size);
  state_->port = bound.port();
}

void tcp_listener::listen_in_file_system(const std::string& path, const options& how) {
  const auto address = detail::socket_address::of_path(path);
  if (!address) {
    throw std::system_error(std::make_error_code(std::errc::filename_too_long),
                            "cannot listen on unix:" + path + ", whose path has to have 1 to 107 bytes");
  }
  remove_if_abandoned(*address, path);
  const auto permit = [&] { return how.socket_mode && ::chmod(path.c_str(), static_cast<mode_t>(*how.socket_mode)) != 0 ? errno : 0; };
  if (const int error = open_listener(*address, how.backlog, state_->socket, permit); error != 0) {
    throw std::system_error(error, std::system_category(), "cannot listen on unix:" + path);
  }
  state_->path = path;
}

tcp_listener::~tcp_listener() = default;

std::uint16_t tcp_listener::port() const noexcept { return state_->port; }

void tcp_listener::start(std::function<void(socket_handle)> accepted) {
  if (detail::here.loop == nullptr) throw std::logic_error("tcp_listener::start was called outside an event loop");
  state_->accepted = std::move(accepted);
  state_->loop = detail::here.loop;
  state_->loop->watch(state_->socket.get(), *state_);
}

void tcp_listener::when_full(std::function<bool()> make_room, std::function<void(socket_handle)> refuse) {
  state_->make_room = std::move(make_room);
  state_->refuse = std::move(refuse);
  state_->spare = spare_descriptor();
}

void tcp_listener::turn_away() noexcept {
  if (!state_ || state_->socket.get() < 0 || !state_->path.empty()) return;
  // A packet with SYN is dropped before the listener sees it. A listener's filter is given the TCP header; its byte 13 holds the flags (RFC
  // 9293 §3.1).
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
    while (!state_->accept_some(accepts_a_round)) {}
  }
  state_->stop();
}

}  // namespace mamey::inline v1
