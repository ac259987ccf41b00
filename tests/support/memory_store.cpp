#include "memory_store.hpp"

#include <algorithm>

#include <mamey/core/error.hpp>
#include <mamey/domain/collection.hpp>
#include <mamey/domain/document_order.hpp>
#include <mamey/messaging/slot.hpp>

namespace mamey::testing {

struct memory_store::operation {
  operation(memory_store& owner, std::string_view name) : owner_(owner), name_(name) {
    if (owner_.before) owner_.before(name_);
    lock_ = std::unique_lock(owner_.mutex_);
  }
  /// Call last: the operation has happened.
  void done() {
    lock_.unlock();
    if (owner_.after) owner_.after(name_);
  }

 private:
  memory_store& owner_;
  std::string_view name_;
  std::unique_lock<std::mutex> lock_;
};

memory_store::memory_store(clock_function clock) : clock_(std::move(clock)), slots_(slot_count) {
  if (!clock_) clock_ = [] { return std::chrono::nanoseconds(wall_now().time_since_epoch()); };
}

std::map<std::int64_t, memory_store::outbox_row> memory_store::outbox() const {
  std::lock_guard lock(mutex_);
  return outbox_;
}
const memory_store::outbox_row* memory_store::row_of(std::int64_t sequence) const {
  const auto found = outbox_.find(sequence);
  return found == outbox_.end() ? nullptr : &found->second;
}
bool memory_store::has_pending() const {
  return std::ranges::any_of(outbox_, [](const auto& each) { return !each.second.parked && !each.second.unroutable; });
}
std::size_t memory_store::delayed_count() const {
  std::lock_guard lock(mutex_);
  return delayed_.size();
}
std::vector<error_record> memory_store::errors() const {
  std::lock_guard lock(mutex_);
  std::vector<error_record> all;
  for (const auto& [id, each] : errors_) all.push_back(each);
  return all;
}
std::size_t memory_store::commits() const {
  std::lock_guard lock(mutex_);
  return commits_;
}

void memory_store::prepare(std::span<const collection* const>) {}

// -- units of work ------------------------------------------------------------------------------------------------------

void memory_store::refuse_taken(const change_set& changes) const {
  for (const auto& each : changes.cancelled_delayed) {
    const auto found = delayed_.find(each);
    if (found == delayed_.end() || !found->second.token.empty())
      throw concurrency_conflict("delayed_message_taken", "{} is being handled, or is gone", each);
  }
  for (const auto& each : changes.jobs) {
    const auto found = jobs_.find(each.name);
    if ((found == jobs_.end() ? 0 : found->second.version) != each.version)
      throw concurrency_conflict("concurrency_conflict", "job {} was changed", each.name);
  }
}

commit_outcome memory_store::commit(const change_set& changes) {
  written_rows wrote;
  hand_over handing(taker_.current(), changes.outbox);
  {
    operation running(*this, "commit");
    const auto now = clock_();
    if (changes.inbox && inbox_.contains(place_of(*changes.inbox))) {
      running.done();
      return commit_outcome::already_handled;
    }
    refuse_taken(changes);
    apply_documents(changes);
    if (changes.inbox) inbox_[place_of(*changes.inbox)] = now;
    for (const auto& each : changes.statements) {
      if (apply) apply(each);
    }
    for (const auto& each : changes.outbox) insert_outbox(each, handing, now);
    for (const auto& each : changes.errors) errors_[each.id] = each;
    for (const auto& each : changes.cancelled_delayed) delayed_.erase(each);
    for (const auto& each : changes.finished_delayed) delayed_.erase(each);
    for (const auto& each : changes.finished_errors) errors_.erase(each);
    for (const auto& each : changes.delayed) put(each);
    for (auto row : changes.jobs) {
      ++row.version;
      jobs_[row.name] = std::move(row);
    }
    ++commits_;
    wrote = written_by(changes);
    running.done();
  }
  wrote = handing.committed(wrote);
  if (wrote.any() && wake_) wake_(wrote);
  return commit_outcome::committed;
}

void memory_store::insert_outbox(const envelope& message, hand_over& handing, std::chrono::nanoseconds now) {
  outbox_row row{.message = message, .token = {}, .reason = {}};
  if (const auto* const terms = handing.terms()) {
    const bool keyed = terms->ordered && !message.key.empty();
    if (!keyed || (holds_slot(terms->owner, message.key, now) && !is_followed(0, message.key))) {
      row.token = terms->token;
      row.lease_until = now + terms->lease;
    }
  }
  handing.inserted(++next_sequence_, !row.token.empty(), message);
  outbox_[next_sequence_] = std::move(row);
}

/// One after the other, as a database does; if one is refused, as if none had been.
void memory_store::apply_documents(const change_set& changes) {
  const auto untouched = changes.documents.size() > 1 ? std::optional(documents_) : std::nullopt;
  for (const auto& each : changes.documents) {
    auto& table = documents_[each.into->name];
    if (each.kind == write_kind::remove_where) {
      std::erase_if(table, [&](const auto& row) { return meets(*each.into, row.second, each.where); });
      continue;
    }
    if (each.kind == write_kind::update_where) {
      for (auto& [id, row] : table) {
        if (meets(*each.into, row, each.where)) assign_members(row, *each.into, each.assigned);
      }
      continue;
    }
    const auto current = table.find(each.content.id);
    const bool there = current != table.end();
    const bool clash = each.kind == write_kind::insert && there;
    const bool expects = each.into->versioned && (each.kind == write_kind::update || each.kind == write_kind::remove);
    if (clash || (expects && (!there || current->second.version != each.expected_version))) {
      if (untouched) documents_ = *untouched;
      throw concurrency_conflict("version_conflict", "{} {} changed meanwhile", each.into->name, each.content.id);
    }
    if (each.kind == write_kind::remove) {
      table.erase(each.content.id);
      continue;
    }
    const auto version = there ? current->second.version + 1 : 1;
    auto& row = table[each.content.id] = each.content;
    row.version = version;
  }
}

// -- outbox -------------------------------------------------------------------------------------------------------------

bool memory_store::claimable(const outbox_row& row, std::chrono::nanoseconds at, std::chrono::milliseconds lease) const {
  if (row.parked || row.unroutable) return false;
  // Times further ahead than possible come from a clock that was set back since.
  constexpr std::chrono::minutes longest_wait{30};
  const bool due = row.not_before <= at || row.not_before > at + longest_wait;
  const bool free = row.token.empty() || row.lease_until <= at || row.lease_until > at + lease * 2;
  return due && free;
}

bool memory_store::holds_slot(const std::string& owner, const std::string& key, std::chrono::nanoseconds at) const {
  const auto& lease = slots_[static_cast<std::size_t>(slot_of(key))];
  const auto number = owners_.find(owner);
  return number != owners_.end() && lease.owner == number->second && lease.until > at;
}

bool memory_store::is_followed(std::int64_t sequence, const std::string& key) const {
  return std::any_of(outbox_.upper_bound(sequence), outbox_.end(),
                     [&](const auto& each) { return !each.second.unroutable && each.second.message.key == key; });
}

claim memory_store::claim_outbox(const claim_request& request) {
  operation running(*this, "claim_outbox");
  const auto now = clock_();
  claim taken{.token = "t" + std::to_string(++next_token_), .rows = {}};
  std::set<std::string> headed, parked;
  std::size_t bytes = 0;
  for (auto& [sequence, row] : outbox_) {
    if (taken.rows.size() == request.most_rows) break;
    const bool keyed = request.ordered && !row.message.key.empty();
    if (keyed && !row.unroutable) {
      if (row.parked && !request.parked_head_blocks) {
        parked.insert(row.message.key);
        continue;
      }
      if (!headed.insert(row.message.key).second || !holds_slot(request.owner, row.message.key, now)) continue;
    }
    if (!claimable(row, now, request.lease)) continue;
    bytes += row.message.body.size();
    if (!taken.rows.empty() && bytes > request.most_bytes) break;
    taken.rows.push_back({.sequence = sequence,
                          .message = row.message,
                          .attempts = row.attempts,
                          .reclaimed = !row.token.empty(),
                          .behind_parked = keyed && parked.contains(row.message.key),
                          .followed = keyed && is_followed(sequence, row.message.key)});
    row.token = taken.token;
    row.lease_until = now + request.lease;
  }
  running.done();
  return taken;
}

void memory_store::mark_sent(std::span<const std::int64_t> sequences) {
  operation running(*this, "mark_sent");
  for (const auto each : sequences) outbox_.erase(each);
  running.done();
}

void memory_store::mark_unroutable(std::span<const std::int64_t> sequences) {
  operation running(*this, "mark_unroutable");
  for (const auto each : sequences) {
    if (const auto found = outbox_.find(each); found != outbox_.end()) found->second.unroutable = true;
  }
  running.done();
}

std::size_t memory_store::renew_outbox(const std::string& token, std::span<const std::int64_t> sequences, std::chrono::milliseconds lease) {
  operation running(*this, "renew_outbox");
  std::size_t applied = 0;
  for (const auto each : sequences) {
    const auto found = outbox_.find(each);
    if (found == outbox_.end() || found->second.token != token) continue;
    found->second.lease_until = clock_() + lease;
    ++applied;
  }
  running.done();
  return applied;
}

std::size_t memory_store::release_outbox(const std::string& token, std::span<const std::int64_t> sequences) {
  operation running(*this, "release_outbox");
  std::size_t applied = 0;
  for (const auto each : sequences) {
    const auto found = outbox_.find(each);
    if (found == outbox_.end() || found->second.token != token) continue;
    found->second.token.clear();
    ++applied;
  }
  running.done();
  return applied;
}

std::size_t memory_store::fail_outbox(const std::string& token, std::span<const outbox_failure> failures) {
  operation running(*this, "fail_outbox");
  std::size_t applied = 0;
  for (const auto& each : failures) {
    const auto found = outbox_.find(each.sequence);
    if (found == outbox_.end() || found->second.token != token) continue;
    auto& row = found->second;
    row.token.clear();
    if (each.counted) ++row.attempts;
    row.not_before = clock_() + each.retry_after;
    row.parked = each.park;
    row.reason = each.reason;
    ++applied;
  }
  running.done();
  return applied;
}

outbox_state memory_store::read_outbox_state() {
  operation running(*this, "read_outbox_state");
  outbox_state state;
  for (const auto& [sequence, row] : outbox_) {
    if (row.parked)
      ++state.parked;
    else if (row.unroutable)
      ++state.unroutable;
    else
      ++state.pending;
  }
  running.done();
  return state;
}

std::vector<message_aside> memory_store::list_aside(set_aside which, std::int64_t offset, std::int64_t limit) {
  operation running(*this, "list_aside");
  std::vector<message_aside> found;
  for (const auto& [sequence, row] : outbox_) {
    if (!(which == set_aside::parked ? row.parked : row.unroutable) || offset-- > 0) continue;
    if (static_cast<std::int64_t>(found.size()) >= limit) break;
    found.push_back({.sequence = sequence, .message = row.message, .attempts = row.attempts, .reason = row.reason});
  }
  running.done();
  return found;
}

std::size_t memory_store::resend_outbox(std::span<const std::int64_t> sequences) {
  std::size_t resent = 0;
  {
    operation running(*this, "resend_outbox");
    for (const auto each : sequences) {
      const auto found = outbox_.find(each);
      if (found == outbox_.end() || !(found->second.parked || found->second.unroutable)) continue;
      outbox_row fresh{.message = found->second.message, .token = {}, .reason = {}};
      const bool keeps_place = found->second.parked;
      outbox_.erase(found);
      outbox_[keeps_place ? each : ++next_sequence_] = std::move(fresh);
      ++resent;
    }
    running.done();
  }
  if (resent > 0 && wake_) wake_({.outbox = true});
  return resent;
}

int memory_store::number_of(const std::string& owner) {
  return owners_.try_emplace(owner, static_cast<int>(owners_.size()) + 1).first->second;
}

std::vector<int> memory_store::lease_slots(const std::string& owner, std::size_t most, std::chrono::milliseconds lease) {
  operation running(*this, "lease_slots");
  const auto now = clock_();
  const auto me = number_of(owner);
  std::vector<int> held;
  held.reserve(slot_count);
  for (int slot = 0; slot < slot_count && held.size() < most; ++slot) {
    auto& mine = slots_[static_cast<std::size_t>(slot)];
    const bool free = mine.owner == 0 || mine.owner == me || mine.until <= now || mine.until > now + lease * 2;
    if (!free) continue;
    mine = {.owner = me, .until = now + lease};
    held.push_back(slot);
  }
  running.done();
  return held;
}

void memory_store::release_slots(const std::string& owner) {
  operation running(*this, "release_slots");
  const auto me = number_of(owner);
  for (auto& each : slots_) {
    if (each.owner == me) each = {};
  }
  running.done();
}

void memory_store::hand_to(std::shared_ptr<hand_over_target> to) { taker_.set(std::move(to)); }

// -- inbox, delayed, errors -----------------------------------------------------------------------------------------------

bool memory_store::was_handled(const inbox_key& key) {
  operation running(*this, "was_handled");
  const bool there = inbox_.contains(place_of(key));
  running.done();
  return there;
}

int memory_store::count_start(const inbox_key& key, int presumed) {
  operation running(*this, "count_start");
  const int starts = ++starts_.try_emplace(place_of(key), presumed).first->second;
  running.done();
  return starts;
}

void memory_store::take_back_start(const inbox_key& key) {
  operation running(*this, "take_back_start");
  if (const auto found = starts_.find(place_of(key)); found != starts_.end() && found->second > 0) --found->second;
  running.done();
}

void memory_store::forget_starts(const inbox_key& key) {
  operation running(*this, "forget_starts");
  if (const auto found = starts_.find(place_of(key)); found != starts_.end()) found->second = 0;
  running.done();
}

std::vector<delayed_message> memory_store::claim_due(const due_request& request) {
  operation running(*this, "claim_due");
  const auto now = clock_();
  constexpr std::chrono::hours longest_wait{24};
  const auto is_free = [&](const delayed_row& each) {
    return each.token.empty() || each.lease_until <= now || each.lease_until > now + request.lease * 2;
  };
  const bool suspect_out =
      std::ranges::any_of(delayed_, [&](const auto& each) { return !is_free(each.second) && each.second.row.starts > 1; });
  std::vector<delayed_row*> due;
  for (auto& [id, each] : delayed_) {
    const bool free = is_free(each);
    const auto handler = each.row.subscription.substr(0, each.row.subscription.find('#'));
    if ((each.due <= now || each.due > now + longest_wait) && free && std::ranges::find(request.except, handler) == request.except.end() &&
        !stands_behind(each))
      due.push_back(&each);
  }
  std::ranges::sort(due, {}, [](const delayed_row* each) { return std::pair(each->due, std::string_view(each->row.id)); });
  int suspects = suspect_out ? 1 : 0;
  std::erase_if(due, [&](const delayed_row* each) { return !each->token.empty() && suspects++ > 0; });
  due.resize(std::min(due.size(), request.most));
  std::vector<delayed_message> taken;
  for (auto* const each : due) {
    ++each->row.starts;
    each->token = request.token;
    each->lease_until = now + request.lease;
    taken.push_back(each->row);
  }
  running.done();
  return taken;
}

bool memory_store::stands_behind(const delayed_row& row) const {
  return row.row.holds_key && std::ranges::any_of(delayed_, [&](const auto& each) {
           const auto& other = each.second;
           return other.row.holds_key && other.row.subscription == row.row.subscription && other.row.message.key == row.row.message.key &&
                  other.row.message.tenant == row.row.message.tenant && other.place < row.place;
         });
}

void memory_store::put(const delayed_message& row) {
  const auto known = delayed_.find(row.id);
  const auto place = known == delayed_.end() ? ++next_place_ : known->second.place;
  delayed_[row.id] = {.row = row, .due = clock_() + row.delay, .token = {}, .place = place};
}

std::vector<waiting_message> memory_store::list_delayed(const delayed_filter& filter, std::int64_t offset, std::int64_t limit) {
  operation running(*this, "list_delayed");
  const auto fits = [](const std::optional<std::string>& wanted, const std::string& value) { return !wanted || *wanted == value; };
  std::vector<waiting_message> all;
  for (const auto& [id, each] : delayed_) {
    const auto& message = each.row.message;
    if (fits(filter.id, id) && fits(filter.type, message.type) && fits(filter.key, message.key) && fits(filter.tenant, message.tenant))
      all.push_back(
          {.row = each.row, .due = wall_time(std::chrono::duration_cast<wall_time::duration>(each.due)), .running = !each.token.empty()});
  }
  std::ranges::stable_sort(all, {}, &waiting_message::due);
  all.erase(all.begin(), all.begin() + std::min<std::int64_t>(offset, static_cast<std::int64_t>(all.size())));
  if (static_cast<std::int64_t>(all.size()) > limit) all.resize(static_cast<std::size_t>(limit));
  running.done();
  return all;
}
std::int64_t memory_store::count_delayed(const delayed_filter& filter) {
  return static_cast<std::int64_t>(list_delayed(filter, 0, 1'000'000).size());
}

job_list memory_store::list_jobs() {
  operation running(*this, "list_jobs");
  job_list all{.now = wall_time(std::chrono::duration_cast<wall_time::duration>(clock_())), .rows = {}};
  for (const auto& [name, row] : jobs_) all.rows.push_back(row);
  running.done();
  return all;
}

bool memory_store::wait_behind(const delayed_message& row) {
  operation running(*this, "wait_behind");
  const bool waits = stands_behind({.row = row, .token = {}, .place = next_place_ + 1});
  if (waits && !delayed_.contains(row.id)) put(row);
  running.done();
  return waits;
}

void memory_store::release_due(const std::string& token) {
  operation running(*this, "release_due");
  for (auto& [id, each] : delayed_) {
    if (each.token != token || token.empty()) continue;
    each.token.clear();
    --each.row.starts;
  }
  running.done();
}

std::optional<std::chrono::milliseconds> memory_store::next_due() {
  operation running(*this, "next_due");
  const auto now = clock_();
  std::optional<std::chrono::milliseconds> next;
  for (const auto& [id, each] : delayed_) {
    if (each.token.empty() && stands_behind(each)) continue;
    const auto at = each.token.empty() ? each.due : std::max(each.due, each.lease_until);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(at - now);
    next = next ? std::min(*next, left) : left;
  }
  running.done();
  return next;
}

std::vector<error_record> memory_store::list_errors(std::int64_t offset, std::int64_t limit) {
  operation running(*this, "list_errors");
  std::vector<error_record> page;
  std::int64_t at = 0;
  for (const auto& [id, each] : errors_) {
    if (at++ >= offset && std::ssize(page) < limit) page.push_back(each);
  }
  running.done();
  return page;
}

std::optional<error_record> memory_store::load_error(std::string_view id) {
  operation running(*this, "load_error");
  const auto found = errors_.find(std::string(id));
  std::optional<error_record> loaded;
  if (found != errors_.end()) loaded = found->second;
  running.done();
  return loaded;
}

std::int64_t memory_store::count_errors() {
  operation running(*this, "count_errors");
  const auto count = std::ssize(errors_);
  running.done();
  return count;
}

bool memory_store::clean(const retention& keep) {
  operation running(*this, "clean");
  const auto now = clock_();
  std::size_t removed = 0;
  for (auto at = inbox_.begin(); at != inbox_.end() && removed < keep.batch;) {
    if (at->second + keep.inbox > now) {
      ++at;
      continue;
    }
    at = inbox_.erase(at);
    ++removed;
  }
  running.done();
  return removed == keep.batch;
}

void memory_store::on_commit(std::function<void(written_rows)> wake) { wake_ = std::move(wake); }

void memory_store::check() {
  operation running(*this, "check");
  running.done();
}

// -- reads --------------------------------------------------------------------------------------------------------------

std::optional<document> memory_store::load(const collection& from, std::string_view id) {
  std::lock_guard lock(mutex_);
  const auto table = documents_.find(from.name);
  if (table == documents_.end()) return std::nullopt;
  const auto found = table->second.find(id);
  if (found == table->second.end()) return std::nullopt;
  return found->second;
}

std::vector<document> memory_store::find(const collection& in, const document_query& query) {
  std::lock_guard lock(mutex_);
  std::vector<document> found;
  for (const auto& [id, row] : documents_[in.name]) {
    if (meets(in, row, query.where) && (!query.after || comes_after(in, row, query))) found.push_back(row);
  }
  sort_documents(found, in, query);
  found.erase(found.begin(), found.begin() + std::min<std::ptrdiff_t>(query.offset, std::ssize(found)));
  found.resize(std::min<std::size_t>(found.size(), static_cast<std::size_t>(query.limit)));
  return found;
}

std::int64_t memory_store::count(const collection& in, std::span<const column_condition> where) {
  std::lock_guard lock(mutex_);
  return std::ranges::count_if(documents_[in.name], [&](const auto& each) { return meets(in, each.second, where); });
}

}  // namespace mamey::testing
