#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <system_error>
#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/detail/loop_state.hpp>
#include <mamey/runtime/detail/parker.hpp>
#include <mamey/runtime/detail/socket_address.hpp>
#include <mamey/runtime/detail/tls_session.hpp>
#include <mamey/runtime/stream.hpp>
#include <mamey/runtime/tls.hpp>

namespace mamey::inline v1 {
namespace {

[[noreturn]] void throw_errno(const char* what) { throw std::system_error(errno, std::system_category(), what); }
[[noreturn]] void throw_closed() { throw std::system_error(std::make_error_code(std::errc::bad_file_descriptor), "the stream was closed"); }

/// Only outside a loop: blocks the thread, and checks at intervals whether the context was cancelled.
bool poll_descriptor(int descriptor, short events, std::optional<steady_time> until) {
  for (;;) {
    detail::check_interruption();
    const auto now = std::chrono::steady_clock::now();
    if (until && now >= *until) return false;
    auto span = std::chrono::nanoseconds(std::chrono::milliseconds(50));
    if (until) span = std::min<std::chrono::nanoseconds>(span, *until - now);
    pollfd waiting{.fd = descriptor, .events = events, .revents = 0};
    const int count = ::poll(&waiting, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(span).count()));
    if (count > 0) return true;
    if (count < 0 && errno != EINTR) throw_errno("cannot wait for a socket");
  }
}

}  // namespace

socket_handle& socket_handle::operator=(socket_handle&& other) noexcept {
  if (this == &other) return *this;
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = other.release();
  return *this;
}

socket_handle::~socket_handle() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

/// Remembers what the kernel said last, because it says it once (edges): no system call finds out what is known already.
struct tcp_stream::state final : event_loop::watcher, detail::wire {
  enum class level : std::uint8_t {
    unknown,  ///< try
    ready,
    drained,  ///< wait for the next edge
  };

  explicit state(socket_handle opened) : socket(std::move(opened)), loop(detail::here.loop) {
    if (loop != nullptr) loop->watch(socket.get(), *this);
  }
  ~state() override { close(); }

  void hung_up() override { peer_closed = true; }

  void readable() override {
    reading = level::ready;
    if (reader != nullptr) {
      reader->wake();
    } else if (callback) {
      std::exchange(callback, nullptr)();  // may destroy this
    }
  }

  void writable() override {
    writing = level::ready;
    if (writer != nullptr) {
      writer->wake();
    } else if (write_callback) {
      std::exchange(write_callback, nullptr)();  // may destroy this
    }
  }

  std::optional<std::size_t> read_wire(std::span<char> into) override;
  std::size_t write_wire(std::string_view bytes) override;

  void close() noexcept {
    if (socket.get() < 0) return;
    if (tls) tls->say_goodbye();
    if (loop != nullptr) loop->unwatch(socket.get());
    socket = socket_handle();
    callback = nullptr;
    write_callback = nullptr;
    if (reader != nullptr) reader->wake();
    if (writer != nullptr) writer->wake();
  }

  /// The direction that must be waited for; TLS may need the other one.
  bool wait_for(detail::tls_session::needs direction, std::optional<steady_time> until) {
    if (direction == detail::tls_session::needs::writing) return wait(writer, writing, POLLOUT, until);
    return wait(reader, reading, POLLIN, until);
  }

  /// Of the loop's thread, so the parker needs no lock.
  bool wait(detail::parker*& who, const level& watched_level, short events, std::optional<steady_time> until) {
    detail::check_interruption();
    if (socket.get() < 0) throw_closed();
    if (loop == nullptr) return poll_descriptor(socket.get(), events, until);
    if (who != nullptr) detail::fatal("two fibers wait for the same direction of one tcp_stream");
    while (watched_level != level::ready) {
      detail::parker waiter;
      who = &waiter;
      const auto reason = waiter.wait(until);
      who = nullptr;
      if (reason == detail::wake_reason::timed_out) return false;
      detail::raise(reason);
      if (socket.get() < 0) throw_closed();
      if (reason == detail::wake_reason::killed) return false;
    }
    return true;
  }

  socket_handle socket;
  event_loop::state* const loop;
  level reading = level::unknown;
  level writing = level::unknown;
  bool peer_closed = false;
  detail::parker* reader = nullptr;
  detail::parker* writer = nullptr;
  std::function<void()> callback;
  std::function<void()> write_callback;
  std::unique_ptr<detail::tls_session> tls;  ///< none: in clear
};

tcp_stream::tcp_stream(socket_handle socket) {
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  state_ = std::make_unique<state>(std::move(socket));
}

tcp_stream::~tcp_stream() = default;
tcp_stream::tcp_stream(tcp_stream&&) noexcept = default;
tcp_stream& tcp_stream::operator=(tcp_stream&&) noexcept = default;

std::optional<std::size_t> tcp_stream::try_read(std::span<char> into) {
  auto& self = *state_;
  if (self.socket.get() < 0) throw_closed();
  return self.tls ? self.tls->try_read(into) : self.read_wire(into);
}

std::optional<std::size_t> tcp_stream::state::read_wire(std::span<char> into) {
  if (reading == level::drained) return std::nullopt;
  for (;;) {
    const auto count = ::recv(socket.get(), into.data(), into.size(), 0);
    if (count >= 0) {
      // Less than asked for: the kernel has no more, and what comes later is a new edge (epoll(7), question 9). Not so for the end of the
      // stream, which may have come with these bytes.
      const bool was_last = loop != nullptr && !peer_closed && static_cast<std::size_t>(count) < into.size() && count > 0;
      reading = was_last ? level::drained : level::ready;
      return static_cast<std::size_t>(count);
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (loop != nullptr) reading = level::drained;
      return std::nullopt;
    }
    if (errno != EINTR) throw_errno("cannot read from the connection");
  }
}

std::size_t tcp_stream::read_some(std::span<char> into, std::optional<steady_time> until) {
  detail::check_interruption();
  for (;;) {
    if (const auto count = try_read(into)) return *count;
    if (!wait_readable(until)) throw deadline_exceeded("read_timeout", "the peer sent nothing in time");
  }
}

std::size_t tcp_stream::try_write(std::string_view bytes) {
  auto& self = *state_;
  if (self.socket.get() < 0) throw_closed();
  return self.tls ? self.tls->try_write(bytes) : self.write_wire(bytes);
}

std::size_t tcp_stream::state::write_wire(std::string_view bytes) {
  std::size_t written = 0;
  while (written < bytes.size() && writing != level::drained) {
    const auto count = ::send(socket.get(), bytes.data() + written, bytes.size() - written, MSG_NOSIGNAL);
    if (count >= 0) {
      written += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (loop == nullptr) break;
      writing = level::drained;
    } else if (errno != EINTR) {
      throw_errno("cannot write to the connection");
    }
  }
  return written;
}

void tcp_stream::write(std::string_view bytes, std::optional<steady_time> until) {
  detail::check_interruption();
  for (;;) {
    bytes.remove_prefix(try_write(bytes));
    if (bytes.empty()) return;
    if (!wait_writable(until)) throw deadline_exceeded("write_timeout", "the peer did not take what was sent in time");
  }
}

bool tcp_stream::wait_readable(std::optional<steady_time> until) {
  auto& self = *state_;
  if (!self.tls) return self.wait(self.reader, self.reading, POLLIN, until);
  if (!self.tls->has_more()) return self.wait_for(self.tls->reading_needs(), until);
  detail::check_interruption();
  return true;
}

bool tcp_stream::wait_writable(std::optional<steady_time> until) {
  auto& self = *state_;
  if (!self.tls) return self.wait(self.writer, self.writing, POLLOUT, until);
  return self.wait_for(self.tls->writing_needs(), until);
}

void tcp_stream::begin_tls(const tls_context& with, const std::string& peer_name) {
  if (state_->tls) detail::fatal("a tcp_stream that is over TLS starts TLS again");
  state_->tls = std::make_unique<detail::tls_session>(with.current(), *state_, peer_name);
}

void tcp_stream::start_tls(const tls_context& with, const std::string& peer_name, std::optional<steady_time> until) {
  detail::await_look(*with.files_, until);
  begin_tls(with, peer_name);
  for (;;) {
    detail::check_interruption();
    if (!is_open()) throw_closed();
    const auto needs = state_->tls->shake_hands();
    if (needs == detail::tls_session::needs::nothing) return;
    if (!state_->wait_for(needs, until)) throw deadline_exceeded("tls_timeout", "the peer did not complete the TLS handshake in time");
  }
}

void tcp_stream::on_readable(std::function<void()> callback) {
  auto& self = *state_;
  if (self.socket.get() < 0) throw_closed();
  if (self.loop == nullptr) detail::fatal("tcp_stream::on_readable needs an event loop");
  const bool wanted = static_cast<bool>(callback);
  self.callback = std::move(callback);
  if (wanted && (self.reading == state::level::ready || (self.tls && self.tls->has_more())))
    self.loop->call_readable_again(self.socket.get());
}

void tcp_stream::on_writable(std::function<void()> callback) {
  auto& self = *state_;
  if (self.socket.get() < 0) throw_closed();
  if (self.loop == nullptr) detail::fatal("tcp_stream::on_writable needs an event loop");
  if (callback && self.tls && self.tls->writing_needs() == detail::tls_session::needs::reading) return on_readable(std::move(callback));
  self.write_callback = std::move(callback);
}

std::size_t tcp_stream::unconfirmed() const noexcept {
  int bytes = 0;
  return is_open() && ::ioctl(state_->socket.get(), SIOCOUTQ, &bytes) == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

void tcp_stream::leave_tls() noexcept { state_->tls.reset(); }

void tcp_stream::shutdown_write() noexcept {
  if (state_->tls && is_open()) state_->tls->say_goodbye();
  ::shutdown(state_->socket.get(), SHUT_WR);
}

void tcp_stream::abort() noexcept {
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(state_->socket.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  state_->tls.reset();  // no goodbye: what was sent is not all
  close();
}

void tcp_stream::close() noexcept { state_->close(); }
bool tcp_stream::is_open() const noexcept { return state_ != nullptr && state_->socket.get() >= 0; }
int tcp_stream::descriptor() const noexcept { return state_->socket.get(); }

std::string tcp_stream::peer() const {
  detail::socket_address address;
  if (::getpeername(state_->socket.get(), address.get(), &address.size) != 0) return {};
  return address.to_text();
}

}  // namespace mamey::inline v1
