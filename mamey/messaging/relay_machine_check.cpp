#include <mamey/messaging/relay_machine.hpp>

#include <algorithm>
#include <map>
#include <set>

// The invariants of the relay; it does nothing else.
namespace mamey::inline v1 {

std::string_view relay_machine::check() const {
  for (const auto part : {check_flights(), check_batches(), check_row_work(), check_destinations(), check_waiting(), check_hand_over()}) {
    if (!part.empty()) return part;
  }
  return {};
}

/// What is sent and unconfirmed.
std::string_view relay_machine::check_flights() const {
  if (out_.size() > settings_.window) return "no more messages are in flight than the window holds";
  std::set<std::string_view> ids, keys;
  for (const auto& [tag, each] : out_) {
    const auto at = rows_.find(each.sequence);
    if (at == rows_.end() || at->second.at != phase::out || at->second.tag != tag)
      return "a message in flight is a row that is out under its tag";
    const auto& message = *at->second.message;
    if (!message.id.empty() && !ids.insert(message.id).second) return "two copies of one message id are never in flight";
    if (is_ordered(at->second) && !keys.insert(message.key).second) return "ordered: at most one unconfirmed message per key";
    if (is_ordered(at->second) && !keys_out_.contains(message.key))
      return "ordered: the key of a message in flight holds back its followers";
  }
  if (ids.size() != ids_out_.size()) return "the ids that are known to be in flight are those of the messages in flight";
  const auto rows_out = std::ranges::count_if(rows_, [](const auto& each) { return each.second.at == phase::out; });
  return static_cast<std::size_t>(rows_out) == out_.size() ? "" : "a row that is out is a message in flight";
}

/// Leases.
std::string_view relay_machine::check_batches() const {
  std::map<std::uint64_t, std::size_t> held;
  for (const auto& [sequence, each] : rows_) {
    if (each.batch == 0) continue;
    if (!batches_.contains(each.batch)) return "a row that is leased belongs to a batch";
    ++held[each.batch];
  }
  for (const auto& [id, each] : batches_) {
    if (each.rows != held[id]) return "a batch counts its rows";
    if (each.rows == 0) return "a batch without rows is given up";
  }
  return {};
}

/// Each row in hand waits for exactly one thing.
std::string_view relay_machine::check_row_work() const {
  std::size_t settled = to_mark_sent_.size() + to_mark_unroutable_.size(), failing = to_fail_.size();
  if (work_ == row_work::sent || work_ == row_work::unroutable) settled += working_.size();
  if (work_ == row_work::fail) failing += working_.size();
  const auto count = [&](phase at) {
    return static_cast<std::size_t>(std::ranges::count_if(rows_, [at](const auto& each) { return each.second.at == at; }));
  };
  for (const auto* marks : {&to_mark_sent_, &to_mark_unroutable_}) {
    for (const auto sequence : *marks) {
      const auto at = rows_.find(sequence);
      if (at == rows_.end() || at->second.at != phase::settled) return "a row is marked only after its confirm";
    }
  }
  if (settled != count(phase::settled)) return "a confirmed row is marked once";
  if (failing != count(phase::failing)) return "a refused row is reported once";
  for (const auto sequence : queue_) {
    const auto at = rows_.find(sequence);
    if (at == rows_.end() || at->second.at != phase::queued) return "the queue holds rows to send";
  }
  // A row whose lease was lost meanwhile is released in vain.
  auto unsent = queue_;
  unsent.insert(to_release_.begin(), to_release_.end());
  if (work_ == row_work::release) unsent.insert(working_.begin(), working_.end());
  const auto in_hand = std::ranges::count_if(unsent, [&](std::int64_t sequence) { return rows_.contains(sequence); });
  return static_cast<std::size_t>(in_hand) == count(phase::queued) ? "" : "a row that is not sent is in the queue, or is released";
}

/// Destinations that the broker does not take.
std::string_view relay_machine::check_destinations() const {
  for (const auto& [to, each] : closed_) {
    std::size_t probes = 0;
    for (const auto& [sequence, one] : rows_) {
      if (one.probe && one.at != phase::out) return "a probe is in flight";
      probes += one.probe && one.to == &each ? 1U : 0U;
    }
    if (probes != each.out) return "a closed destination counts its probes";
    if (each.window == 0 || (each.window > 1 && each.window >= settings_.window))
      return "a closed destination takes at least one message, and opens before it takes a whole window";
  }
  for (const auto& [sequence, each] : rows_) {
    const auto closed = closed_.find({each.message->exchange, each.message->routing_key});
    if (each.to != (closed == closed_.end() ? nullptr : &closed->second)) return "a row knows whether its destination is closed";
  }
  return {};
}

/// It never sleeps for ever, and never works after its end.
std::string_view relay_machine::check_waiting() const {
  if (stopping_ && !queue_.empty()) return "a relay that stops sends nothing more";
  if (stopped_) {
    if (!out_.empty() || claim_out_ || slots_out_ || work_ != row_work::none) return "a relay that has stopped waits for nothing";
    return wake_at_ == steady_time::max() ? "" : "a relay that has stopped is not woken";
  }
  if (work_ == row_work::none && !to_mark_sent_.empty() && wake_at_ > std::max(marks_due_at_, store_retry_at_))
    return "a mark that waits for others is made in time";
  const bool awaits_an_answer = claim_out_ || slots_out_ || work_ != row_work::none || !out_.empty() || blocked_;
  if (started_ && !awaits_an_answer && wake_at_ == steady_time::max()) return "a relay that waits for no answer is woken by its timer";
  return {};
}

/// Rows that commits hand over.
std::string_view relay_machine::check_hand_over() const {
  std::size_t bytes = 0;
  for (const auto& [sequence, each] : rows_) bytes += each.message->body.size();
  if (bytes != bytes_) return "the bytes in hand are those of the rows in hand";
  if (work_ == row_work::renew && working_batch_ == handed_batch_ && handed_batch_until_ > now_)
    return "rows from commits do not join a batch that is being renewed";
  if (room_for_commits() && (stopping_ || paused(now_))) return "a relay that does not send takes no rows from commits";
  return {};
}

}  // namespace mamey::inline v1
