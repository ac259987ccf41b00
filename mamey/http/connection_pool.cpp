#include <mamey/http/detail/connection_pool.hpp>

#include <sys/socket.h>

#include <cerrno>

namespace mamey::inline v1::http::detail {
namespace {

/// A server that has had enough of an idle connection closes it; bytes that nobody asked for are as bad. Asks the kernel rather than the stream, which knows only what
/// the loop has been told so far: the look is what keeps a POST, which cannot be repeated, off a dead connection.
bool is_quiet(const tcp_stream& stream) noexcept {
  char byte = 0;
  return ::recv(stream.descriptor(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace

void connection_pool::lease::keep() {
  if (address_->idle.size() < pool_->options_.idle_connections) address_->idle.push_back({std::move(*stream), steady_now()});
  stream.reset();
}

std::optional<connection_pool::lease> connection_pool::take(const std::string& authority, steady_time until) {
  auto& at = addresses_[authority];
  if (!at) at = std::make_unique<address>(options_.connections);
  if (!at->places.try_acquire() && !at->places.try_acquire_until(until)) return std::nullopt;
  lease taken(*this, *at);
  const auto oldest = steady_now() - options_.idle_timeout;
  while (!at->idle.empty() && !taken.stream) {
    auto candidate = std::move(at->idle.back());
    at->idle.pop_back();
    if (candidate.since < oldest) {
      at->idle.clear();  // those below are older still
    } else if (is_quiet(candidate.stream)) {
      taken.stream.emplace(std::move(candidate.stream));
      taken.reused = true;
    }
  }
  return taken;
}

}  // namespace mamey::inline v1::http::detail
