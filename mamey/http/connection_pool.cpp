#include <mamey/http/detail/connection_pool.hpp>

#include <system_error>

namespace mamey::inline v1::http::detail {
namespace {

/// A server that has had enough of an idle connection closes it; bytes that nobody asked for are as bad.
bool is_quiet(tcp_stream& stream) {
  char byte = 0;
  try {
    return !stream.try_read({&byte, 1});
  } catch (const std::system_error&) {
    return false;
  }
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
