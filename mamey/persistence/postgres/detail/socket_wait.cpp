#include <mamey/persistence/postgres/detail/socket_wait.hpp>

#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>

#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

/// Only outside a loop: blocks the thread, and looks up now and then whether the context was cancelled.
bool poll_descriptor(int descriptor, socket_wait::interest in, steady_time until) {
  const auto events = in == socket_wait::interest::reading ? POLLIN : in == socket_wait::interest::writing ? POLLOUT : POLLIN | POLLOUT;
  for (;;) {
    check_context();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
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

void socket_wait::start(int descriptor) {
  auto* const here = in_fiber() ? event_loop::current() : nullptr;
  if (descriptor == descriptor_ && here == loop_) return;
  stop();
  descriptor_ = descriptor;
  if (here == nullptr) return;
  here->watch(descriptor, *this);
  loop_ = here;
}

void socket_wait::stop() noexcept {
  if (loop_ != nullptr) loop_->unwatch(descriptor_);
  loop_ = nullptr;
  descriptor_ = -1;
}

void socket_wait::signal() {
  if (signalled_) return;
  signalled_ = true;
  edges_.release();
}

bool socket_wait::wait(interest in, steady_time until) {
  if (loop_ == nullptr) return poll_descriptor(descriptor_, in, until);
  interest_ = in;
  if (!edges_.try_acquire_until(until)) return false;
  signalled_ = false;
  return true;
}

}  // namespace mamey::inline v1::postgres_detail
