#include <mamey/persistence/postgres/detail/socket_wait.hpp>

#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>

#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/input_watch.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

/// Only where no loop watches: blocks the thread, and checks at intervals whether the context was cancelled.
bool poll_descriptor(int descriptor, socket_wait::interest in, steady_time until) {
  // `until` is a time of the caller, which stands still where it is simulated.
  using clock = std::chrono::steady_clock;
  const auto now = clock::now();
  const auto span = until - steady_now();
  const auto give_up = span < steady_time::max() - now ? now + span : steady_time::max();
  const auto events = in == socket_wait::interest::reading ? POLLIN : in == socket_wait::interest::writing ? POLLOUT : POLLIN | POLLOUT;
  for (;;) {
    check_context();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(give_up - clock::now());
    if (left.count() <= 0) return false;
    pollfd waiting{.fd = descriptor, .events = static_cast<short>(events), .revents = 0};
    const auto count = ::poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 20)));
    if (count > 0) return true;
    if (count < 0 && errno != EINTR) throw std::system_error(errno, std::system_category(), "cannot wait for the connection");
  }
}

}  // namespace

std::optional<std::uint64_t> bytes_read(int descriptor) {
  tcp_info told{};
  socklen_t size = sizeof told;
  int unread = 0;  // asked later: the difference is never too large
  if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &told, &size) != 0 || ::ioctl(descriptor, FIONREAD, &unread) != 0)
    return std::nullopt;
  const auto received = static_cast<std::uint64_t>(told.tcpi_bytes_received), waiting = static_cast<std::uint64_t>(unread);
  return received > waiting ? received - waiting : 0;
}

socket_wait::~socket_wait() {
  stop();
  if (watched_ >= 0) ::close(watched_);
}

void socket_wait::start(int descriptor, interest in) {
  auto* const here = in_fiber() ? event_loop::current() : nullptr;
  if (descriptor == descriptor_ && here == loop_ && in == watched_for_) return;
  stop();
  descriptor_ = descriptor;
  watched_for_ = in;
  if (here == nullptr) return;
  if (watched_ < 0) watched_ = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (watched_ < 0) throw std::system_error(errno, std::system_category(), "cannot wait for the connection");
  while (edges_.try_acquire()) {  // of an earlier wait
  }
  signalled_ = false;
  try {
    if (in == interest::reading)
      watch_input(*here, watched_, *this);
    else
      here->watch(watched_, *this);
  } catch (const std::system_error& refused) {
    if (refused.code() != std::errc::operation_not_supported) throw;
    return;  // a simulated loop, of the test harness: it waits as a thread would
  }
  loop_ = here;
}

void socket_wait::stop() noexcept {
  if (loop_ != nullptr) loop_->unwatch(watched_);
  loop_ = nullptr;
  descriptor_ = -1;
}

void socket_wait::signal() {
  if (signalled_) return;
  signalled_ = true;
  edges_.release();
}

bool socket_wait::wait(steady_time until) {
  if (loop_ == nullptr) return poll_descriptor(descriptor_, watched_for_, until);
  if (!edges_.try_acquire_until(until)) return false;
  signalled_ = false;
  return true;
}

}  // namespace mamey::inline v1::postgres_detail
