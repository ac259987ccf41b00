#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/detail/socket_address.hpp>
#include <mamey/runtime/detail/wait_list.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/stream.hpp>

namespace mamey::inline v1 {
namespace {

std::vector<detail::socket_address> addresses_of(const std::string& host, std::uint16_t port) {
  if (const auto address = detail::socket_address::parse(host, port)) return {*address};
  return run_blocking([&] { return detail::resolve(host, port); });
}

int pending_error(int descriptor) noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

/// The connected stream, or none and the error.
std::optional<tcp_stream> try_address(const detail::socket_address& address, steady_time until, int& error) {
  socket_handle socket(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0 || (::connect(socket.get(), address.get(), address.size) != 0 && errno != EINPROGRESS)) {
    error = errno;
    return std::nullopt;
  }
  tcp_stream stream(std::move(socket));
  if (!stream.wait_writable(until)) {
    error = ETIMEDOUT;
    return std::nullopt;
  }
  error = pending_error(stream.descriptor());
  if (error != 0) return std::nullopt;
  return stream;
}

}  // namespace

tcp_stream tcp_stream::connect(const std::string& host, std::uint16_t port, std::chrono::nanoseconds timeout) {
  detail::check_interruption();
  const auto until = deadline_after(timeout);
  const auto addresses = [&] {
    const deadline_scope limited(until);
    return addresses_of(host, port);
  }();
  int error = EHOSTUNREACH;
  for (const auto& address : addresses) {
    if (auto stream = try_address(address, until, error)) return std::move(*stream);
    if (error == ETIMEDOUT && steady_now() >= until)
      throw deadline_exceeded("connect_timeout", "cannot connect to {} in time", detail::place_of(host, port));
  }
  throw std::system_error(error, std::system_category(), "cannot connect to " + detail::place_of(host, port));
}

}  // namespace mamey::inline v1
