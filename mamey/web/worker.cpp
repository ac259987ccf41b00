#include <mamey/web/detail/worker.hpp>

#include <utility>

#include <mamey/runtime/fiber.hpp>
#include <mamey/web/detail/connection.hpp>

namespace mamey::inline v1::web::detail {
namespace {

constexpr std::size_t most_spare_exchanges = 64;

}  // namespace

worker::worker(event_loop& on, server_shared& of)
    : loop_(on),
      shared_(of),
      contexts_{of.options.correlation_context_header, of.options.request_timeout},
      limits_{.start_line = of.options.max_request_line,
              .header_bytes = of.options.max_header_bytes,
              .headers = of.options.max_headers,
              .body = of.options.max_body_bytes} {}

worker::~worker() = default;

void worker::adopt(socket_handle socket, const tls_context* tls) {
  counters::count(counts_.accepted);
  auto fresh = std::make_unique<connection>(*this, std::move(socket), tls);
  auto& added = *fresh;
  added.place = connections_.size();
  connections_.push_back(std::move(fresh));
  if (shared_.connections.fetch_add(1, std::memory_order_relaxed) < options().max_connections) {
    added.start();
  } else {
    counters::count(counts_.shed);
    added.turn_away();
  }
}

void worker::remove(connection& gone) noexcept {
  const auto place = gone.place;
  if (place + 1 < connections_.size()) {
    std::swap(connections_[place], connections_.back());
    connections_[place]->place = place;
  }
  connections_.pop_back();
  shared_.connections.fetch_sub(1, std::memory_order_relaxed);
  if (connections_.empty()) {
    for (auto& callback : std::exchange(when_empty_, {})) callback();
  }
}

bool worker::admit() noexcept {
  if (fiber_capacity_left() == 0 || shared_.in_flight.load(std::memory_order_relaxed) >= options().max_in_flight) return false;
  shared_.in_flight.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void worker::dismiss() noexcept { shared_.in_flight.fetch_sub(1, std::memory_order_relaxed); }

std::unique_ptr<exchange> worker::take_exchange() {
  if (exchanges_.empty()) return std::make_unique<exchange>(limits_);
  auto warm = std::move(exchanges_.back());
  exchanges_.pop_back();
  return warm;
}

void worker::give_exchange(std::unique_ptr<exchange> used) noexcept {
  used->reset();
  if (exchanges_.size() < most_spare_exchanges) exchanges_.push_back(std::move(used));
}

void worker::when_empty(std::function<void()> callback) {
  if (connections_.empty()) {
    callback();
  } else {
    when_empty_.push_back(std::move(callback));
  }
}

void worker::retire_idle() {
  // From the back, as a connection that ends leaves its place to the last one.
  for (auto i = connections_.size(); i-- > 0;) connections_[i]->retire();
}

void worker::abandon_all() {
  abandoned_ = true;
  for (auto i = connections_.size(); i-- > 0;) connections_[i]->abandon();
}

}  // namespace mamey::inline v1::web::detail
