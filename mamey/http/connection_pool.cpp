#include <mamey/http/detail/connection_pool.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace mamey::inline v1::http::detail {
namespace {

/// A server may close an idle connection; unexpected bytes make it unusable as well. Asks the kernel, not the stream, because the stream
/// knows only the events that the loop has seen. This check keeps a POST, which cannot be repeated, off a dead connection.
bool is_quiet(const tcp_stream& stream) noexcept {
  char byte = 0;
  return ::recv(stream.descriptor(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace

void connection_pool::lease::keep() {
  if (address_->idle.size() < pool_->options_.idle_connections) address_->idle.push_back({std::move(*stream), steady_now()});
  stream.reset();
}

connection_pool::address& connection_pool::at(const std::string& authority) {
  const auto now = steady_now();
  if (now >= next_look_) forget_unused(now);
  const auto known = addresses_.find(authority);
  if (known != addresses_.end()) return *known->second;
  if (addresses_.size() >= most_addresses) {
    const auto is_later = [](const auto& a, const auto& b) {
      return std::pair(a.second->users > 0, a.second->used) < std::pair(b.second->users > 0, b.second->used);
    };
    const auto stalest = std::ranges::min_element(addresses_, is_later);
    if (stalest->second->users == 0) addresses_.erase(stalest);
  }
  return *addresses_.emplace(authority, std::make_unique<address>(options_.connections)).first->second;
}

void connection_pool::forget_unused(steady_time now) {
  next_look_ = saturating_add(now, std::max<std::chrono::nanoseconds>(options_.idle_timeout, std::chrono::seconds(1)));
  const auto oldest = now - options_.idle_timeout;
  std::erase_if(addresses_, [&](const auto& each) { return each.second->users == 0 && each.second->used < oldest; });
}

std::optional<connection_pool::lease> connection_pool::take(const std::string& authority, steady_time until) {
  auto& asked = at(authority);
  ++asked.users;
  try {
    if (!asked.places.try_acquire() && !asked.places.try_acquire_until(until)) return leave(asked), std::nullopt;
  } catch (...) {  // the fiber's own deadline, or cancellation
    leave(asked);
    throw;
  }
  lease taken(*this, asked);
  const auto oldest = steady_now() - options_.idle_timeout;
  while (!asked.idle.empty() && !taken.stream) {
    auto candidate = std::move(asked.idle.back());
    asked.idle.pop_back();
    if (candidate.since < oldest) {
      asked.idle.clear();  // those below are older still
    } else if (is_quiet(candidate.stream)) {
      taken.stream.emplace(std::move(candidate.stream));
      taken.reused = true;
    }
  }
  return taken;
}

}  // namespace mamey::inline v1::http::detail
