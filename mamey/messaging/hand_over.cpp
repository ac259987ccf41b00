#include <mamey/messaging/hand_over.hpp>

#include <new>
#include <utility>

namespace mamey::inline v1 {

hand_over::hand_over(std::shared_ptr<hand_over_target> to, const std::vector<envelope>& outbox) {
  if (!to || outbox.empty()) return;
  for (const auto& each : outbox) rows_.reserved_bytes += each.body.size();
  rows_.reserved_rows = outbox.size();
  terms_ = to->reserve(rows_.reserved_rows, rows_.reserved_bytes);
  if (!terms_) return;
  to_ = std::move(to);
  rows_.token = terms_->token;
  begin();
}

hand_over::~hand_over() { cancel(); }

void hand_over::cancel() noexcept {
  if (const auto to = std::exchange(to_, nullptr)) to->cancel(rows_.reserved_rows, rows_.reserved_bytes);
}

void hand_over::begin() noexcept {
  start_over();
  rows_.since = steady_now();
}

void hand_over::start_over() noexcept {
  rows_.rows.clear();
  rows_.free_keys.clear();
}

void hand_over::inserted(std::int64_t sequence, bool leased, const envelope& message) noexcept {
  if (!to_) return;
  try {
    if (leased)
      rows_.rows.push_back({.sequence = sequence, .message = std::make_shared<const envelope>(message)});
    else
      rows_.free_keys.push_back(message.key);
  } catch (const std::bad_alloc&) {  // not handed over: its lease ends, and a claim finds it
  }
}

written_rows hand_over::committed(written_rows wrote) noexcept {
  if (!to_ || !wrote.outbox) return wrote;
  const auto to = std::exchange(to_, nullptr);
  wrote.handed = to->take(std::move(rows_));
  wrote.outbox = !wrote.handed;
  return wrote;
}

}  // namespace mamey::inline v1
