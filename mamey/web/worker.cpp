#include <mamey/web/detail/worker.hpp>

#include <algorithm>
#include <utility>

#include <mamey/observability/log.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/web/detail/connection.hpp>

namespace mamey::inline v1::web::detail {
namespace {

const logger log{"mamey.web"};

constexpr std::size_t most_spare_exchanges = 64;
constexpr std::size_t spare_fibers = 8;     ///< kept for what is answered under overload
constexpr std::size_t most_essential = 16;  ///< of it at once
constexpr std::size_t most_looked_at = 128;
constexpr std::chrono::seconds least_idle{1};  ///< before a connection gives way: a new one is about to send its first request
constexpr std::chrono::seconds between_lines{10};

}  // namespace

worker::worker(event_loop& on, server_shared& of)
    : loop_(on),
      shared_(of),
      limits_{.start_line = of.options.max_request_line,
              .header_bytes = of.options.max_header_bytes,
              .headers = of.options.max_headers,
              .body = of.options.max_body_bytes} {
  exchanges_.reserve(most_spare_exchanges);  // giving one back allocates nothing
}

worker::~worker() { connections_.clear(); }

void worker::adopt(socket_handle socket, const tls_context* tls) {
  counters::count(counts_.accepted);
  connection* made = nullptr;
  try {
    auto fresh = std::make_unique<connection>(*this, std::move(socket), tls);
    fresh->place = connections_.size();
    connections_.push_back(std::move(fresh));
    made = connections_.back().get();
  } catch (const std::exception& failure) {  // no memory, or no room in epoll: closed without an answer
    counters::count(counts_.shed);
    return tell_of_want(failure);
  }
  auto& added = *made;
  if (shared_.connections.fetch_add(1, std::memory_order_relaxed) < options().max_connections || make_room()) {
    added.start();
  } else {
    counters::count(counts_.shed);
    added.turn_away();
  }
}

void worker::tell_of_want(const std::exception& failure) {
  if (told_of_want_ != steady_time{} && loop_.now() - told_of_want_ < between_lines) return;
  told_of_want_ = loop_.now();
  log.warning("connections are closed at once, there is no room for them: {error}", failure);
}

void worker::remove(connection& gone) noexcept {
  const auto place = gone.place;
  if (place + 1 < connections_.size()) {
    std::swap(connections_[place], connections_.back());
    connections_[place]->place = place;
  }
  connections_.pop_back();  // its destructor gives back what it held
  shared_.connections.fetch_sub(1, std::memory_order_relaxed);
  if (connections_.empty()) {
    for (auto& callback : std::exchange(when_empty_, {})) callback();
  }
}

bool worker::make_room() {
  connection* longest = nullptr;
  auto since = loop_.now() - least_idle;
  for (auto left = std::min(connections_.size(), most_looked_at); left > 0; --left) {
    auto& each = *connections_[++looked_at_ % connections_.size()];
    if (each.idle_since() >= since) continue;
    since = each.idle_since();
    longest = &each;
  }
  return longest != nullptr && longest->make_way();
}

bool worker::admit() noexcept {
  if (fiber_capacity_left() <= spare_fibers || shared_.in_flight.load(std::memory_order_relaxed) >= options().max_in_flight) return false;
  shared_.in_flight.fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool worker::admit_essential() noexcept {
  if (fiber_capacity_left() == 0 || shared_.essential.load(std::memory_order_relaxed) >= most_essential) return false;
  shared_.essential.fetch_add(1, std::memory_order_relaxed);
  shared_.in_flight.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void worker::dismiss(bool essential) noexcept {
  if (essential) shared_.essential.fetch_sub(1, std::memory_order_relaxed);
  shared_.in_flight.fetch_sub(1, std::memory_order_relaxed);
}

void worker::unlink(connection& one) noexcept {
  if (!one.waits) return;
  (one.previous != nullptr ? one.previous->next : first_waiting_) = one.next;
  (one.next != nullptr ? one.next->previous : last_waiting_) = one.previous;
  one.previous = one.next = nullptr;
  one.waits = false;
  note_first_waiting();
}

void worker::note_first_waiting() noexcept {
  const auto since = first_waiting_ != nullptr ? first_waiting_->moved : steady_time::max();
  waiting_since_.store(since.time_since_epoch().count(), std::memory_order_relaxed);
}

void worker::hold(connection& waiting, std::size_t bytes) {
  unlink(waiting);
  waiting.previous = last_waiting_;
  (last_waiting_ != nullptr ? last_waiting_->next : first_waiting_) = &waiting;
  last_waiting_ = &waiting;
  waiting.waits = true;
  waiting.moved = round_time();
  note_first_waiting();
  const auto before = shared_.buffered.fetch_add(bytes - waiting.held, std::memory_order_relaxed);  // unsigned: what is less wraps back
  const auto total = before + bytes - waiting.held;
  waiting.held = bytes;
  if (total > options().max_buffered_bytes) ask_for_relief();
}

/// Soon, not at once: it may end the connection that calls.
void worker::ask_for_relief() {
  if (!relieving_.exchange(true)) loop_.post([this] { relieve(); });
}

void worker::pin(connection& busy) noexcept { unlink(busy); }

void worker::let_go(connection& free) noexcept {
  unlink(free);
  if (free.held != 0) shared_.buffered.fetch_sub(std::exchange(free.held, 0), std::memory_order_relaxed);
}

void worker::relieve() {
  relieving_ = false;
  std::size_t given_up = 0;
  while (shared_.buffered.load(std::memory_order_relaxed) > options().max_buffered_bytes) {
    auto* const where = *std::ranges::min_element(shared_.workers, {}, &worker::waiting_since);
    if (where != this && where->waiting_since() < waiting_since()) {
      where->ask_for_relief();
      break;
    }
    if (first_waiting_ == nullptr) break;
    auto& longest = *first_waiting_;
    let_go(longest);
    counters::count(counts_.shed);
    longest.give_up();
    ++given_up;
  }
  if (given_up == 0 || loop_.now() - told_of_pressure_ < between_lines) return;
  told_of_pressure_ = loop_.now();
  log.warning(
      "requests and answers that wait for their clients held more than {limit} bytes (server:maxBufferedBytes): {count} connections were "
      "given up",
      options().max_buffered_bytes, given_up);
}

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
