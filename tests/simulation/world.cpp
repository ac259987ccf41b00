#include "world.hpp"

#include <algorithm>
#include <utility>

#include "broker_model.hpp"
#include "consumer_process.hpp"
#include "relay_process.hpp"

namespace mamey::simulation {

world::world(std::uint64_t seed, const profile& with, coverage& met_so_far, const store_maker& make_store)
    : time(seed),
      settings(with),
      met(met_so_far),
      outbox_store(make_store(0, [this] { return time.now() + wall_offset_; })),
      inbox_store(make_store(1, [this] { return time.now() + wall_offset_; })),
      broker(std::make_unique<broker_model>(*this)),
      handlers{"stock", "mail"},
      interactive(seed % 2 == 0),
      chaos_until_(time.now() + with.chaos) {
  inbox_store->apply = [this](const sql_statement& statement) {
    effect(statement.text, std::get<std::string>(statement.parameters.front()));
  };
  if (settings.rules) draw_rules();
  for (std::size_t i = 0; i < settings.relays; ++i) relays.push_back(std::make_unique<relay_process>(*this, i));
  for (std::size_t i = 0; i < settings.consumers; ++i) consumers.push_back(std::make_unique<consumer_process>(*this, i));
}

world::~world() = default;

void world::violate(std::string what) {
  if (violation_.empty()) violation_ = std::move(what);
}

void world::effect(const std::string& handler, const std::string& id) {
  if (++effects_[{handler, id}] > 1) violate("the effect of " + id + " at " + handler + " happened twice");
  const auto& message = book.at(id);
  if (!settings.ordered || message.key.empty()) return;
  auto& last = last_in_key_[{handler, message.key}];
  if (message.number < last)
    violate(handler + " saw number " + std::to_string(message.number) + " of key " + message.key + " after number " + std::to_string(last));
  last = message.number;
}

void world::draw_rules() {
  auto& random = time.random;
  const auto some_rule = [&] {
    constexpr std::array reactions{failure_reaction::retry, failure_reaction::discard, failure_reaction::error_store,
                                   failure_reaction::pause};
    failure_rule rule{.reaction = reactions[random.below(reactions.size())]};
    if (rule.reaction == failure_reaction::pause && random.hits(0.5)) rule.pause_for = std::chrono::milliseconds(1 + random.below(2'000));
    if (rule.reaction != failure_reaction::retry) return rule;
    if (random.hits(0.5)) rule.immediate_retries = static_cast<int>(random.below(4));
    if (!random.hits(0.5)) return rule;
    rule.delayed_retries.emplace(random.below(4));
    for (auto& each : *rule.delayed_retries) each = std::chrono::milliseconds(1 + random.below(1'000));
    return rule;
  };
  for (auto* place : {&failures.configured, &failures.declared}) {
    for (const auto* code : {"away", "refused", "commit_unknown"}) {
      if (random.hits(0.3)) place->error_codes[code] = some_rule();
    }
    for (const auto& handler : handlers) {
      if (random.hits(0.3)) place->handlers[handler] = some_rule();
    }
    if (random.hits(0.2)) place->message_types["Order"] = some_rule();
  }
  if (random.hits(0.3)) failures.configured_for_all.immediate_retries = 2;
  failures.for_all = {.immediate_retries = 1, .delayed_retries = {{200ms, 1s, 2s}}};
  for (const auto& handler : handlers) plans[handler] = plan_of(failures, handler, "Order");
}

failure_reaction world::asked_for(const std::string& handler, const std::string& code) const {
  for (const auto* place : {&failures.configured, &failures.declared}) {
    if (const auto found = place->error_codes.find(code); found != place->error_codes.end()) return *found->second.reaction;
    if (const auto found = place->handlers.find(handler); found != place->handlers.end()) return *found->second.reaction;
    if (const auto found = place->message_types.find("Order"); found != place->message_types.end()) return *found->second.reaction;
  }
  return failure_reaction::retry;
}

void world::discarded(const std::string& handler, const std::string& id, const std::string& code) {
  ++discards_[{handler, id}];
  if (asked_for(handler, code) != failure_reaction::discard)
    violate(id + " was discarded at " + handler + " after " + code + ", and no rule asks for that");
}

bool world::is_repaired(const std::string& handler, const std::string& id) const {
  const auto found = pauses_.find({handler, id});
  return found != pauses_.end() && found->second > 2;
}

void world::publish_some() {
  if (unpublished_ == 0) return;
  constexpr std::array fates{fate::fails_for_a_while, fate::is_refused_by_the_handler, fate::aborts_the_process,
                             fate::too_new_at_first,  fate::refused_by_the_broker,     fate::has_no_listener};
  auto& random = time.random;
  change_set changes;
  const auto count = std::min<std::size_t>(1 + random.below(3), unpublished_);
  for (std::size_t i = 0; i < count; ++i) {
    message_book entry;
    entry.id = "m" + std::to_string(book.size() + 1);
    if (random.hits(0.8)) entry.key = std::string(1, static_cast<char>('a' + random.below(3)));
    entry.to_full_queue = settings.full_queue && random.hits(0.5);
    if (random.hits(0.4) && !settings.calm) entry.what = fates[random.below(fates.size())];
    // A parked head blocks its key for ever: right, but then nothing more would happen.
    if (settings.ordered && entry.what == fate::refused_by_the_broker) entry.key.clear();
    if (settings.full_queue && entry.what == fate::refused_by_the_broker) entry.what = fate::succeeds;
    entry.failures_left = static_cast<int>(1 + random.below(6));
    envelope message;
    message.id = entry.id;
    message.key = entry.key;
    message.exchange = "orders";
    message.routing_key = entry.to_full_queue ? "full" : "created";
    if (entry.what == fate::too_new_at_first) message.min_version = 2;
    changes.outbox.push_back(std::move(message));
    book[entry.id] = std::move(entry);
  }
  unpublished_ -= count;
  uncommitted_ += count;
  begin_commit(changes);
  time.after(random.between(10ms, settings.chaos / static_cast<int>(settings.messages)), [this] { publish_some(); });
}

// -- commits of publishers: each in the process of a relay ------------------------------------------------------------------

namespace {

/// Grants what the process of the relay grants, and keeps what is handed over.
class commit_part final : public hand_over_target {
 public:
  explicit commit_part(std::optional<hand_over_terms> terms) : terms_(std::move(terms)) {}
  std::optional<hand_over_terms> reserve(std::size_t, std::size_t) override { return terms_; }
  bool take(handed_rows rows) noexcept override {
    taken = std::move(rows);
    return true;
  }
  void cancel(std::size_t, std::size_t) noexcept override {}

  handed_rows taken;

 private:
  const std::optional<hand_over_terms> terms_;
};

std::vector<std::int64_t> sequences_of(const handed_rows& handed) {
  std::vector<std::int64_t> all;
  for (const auto& each : handed.rows) all.push_back(each.sequence);
  return all;
}

}  // namespace

span world::commit_time() { return hits(settings.slow_commit) ? time.random.between(0s, 5s) : time.random.between(50us, 2ms); }

void world::wake_some() {
  for (auto& each : relays) {
    if (time.random.hits(0.5)) each->tell({.event = relay_event::woken, .reason = {}});
  }
}

void world::begin_commit(const change_set& changes) {
  auto& of = *relays[time.random.below(relays.size())];
  auto terms = of.terms_for(changes);
  if (terms && settings.faults.handed_out_of_order) terms->ordered = false;
  time.after(commit_time(), [this, changes, &of, incarnation = of.incarnation(), terms = std::move(terms), begun = of.steady()] {
    if (hits(settings.commit_failure / 2)) return fail_commit(changes, of, incarnation, terms, begun);
    apply_commit(changes, of, incarnation, terms, begun);
  });
}

handed_rows world::write_outbox(const change_set& changes, const std::optional<hand_over_terms>& terms, steady_time begun) {
  const auto part = std::make_shared<commit_part>(terms);
  outbox_store->db().hand_to(part);
  outbox_store->db().commit(changes);
  outbox_store->db().hand_to(nullptr);
  part->taken.since = begun;  // by the clock of the process
  return std::move(part->taken);
}

void world::apply_commit(const change_set& changes, relay_process& of, std::uint64_t incarnation, std::optional<hand_over_terms> terms,
                         steady_time begun) {
  auto handed = write_outbox(changes, terms, begun);
  uncommitted_ -= changes.outbox.size();
  for (const auto& each : changes.outbox) {
    auto& entry = book.at(each.id);
    entry.number = ++numbers_;
    entry.committed = true;
    entry.committed_at = time.now();
  }
  if (settings.faults.handed_without_a_lease && terms) outbox_store->db().release_outbox(terms->token, sequences_of(handed));
  std::map<std::int64_t, span> granted;
  for (const auto& each : handed.rows) {
    if (outbox_store->holds(each.sequence, handed.token)) granted[each.sequence] = time.now() + terms->lease;
  }
  if (hits(settings.commit_failure / 2)) return;  // nobody learns that it succeeded
  time.after(commit_time(), [this, &of, incarnation, handed = std::move(handed), granted = std::move(granted), asked = terms.has_value()] {
    if (!asked) return wake_some();
    of.hand(incarnation, handed, granted);
    if (!settings.faults.handed_twice) return;
    time.after(time.random.between(10ms, 1s), [&of, incarnation, handed, granted] { of.hand(incarnation, handed, granted); });
  });
}

/// It is tried again.
void world::fail_commit(const change_set& changes, relay_process& of, std::uint64_t incarnation,
                        const std::optional<hand_over_terms>& terms, steady_time begun) {
  if (settings.faults.handed_before_the_commit && terms) {
    const auto handed = write_outbox(changes, terms, begun);
    outbox_store->db().mark_sent(sequences_of(handed));  // as if they had never been there
    of.hand(incarnation, handed, {});
  }
  time.after(time.random.between(10ms, 500ms), [this, changes] { begin_commit(changes); });
}

void world::trouble() {
  if (!chaos() || settings.calm) return;
  auto& random = time.random;
  const auto pick = [&](auto& from) -> auto& { return *from[random.below(from.size())]; };
  switch (random.below(8)) {
    case 0:
      broker->set_down(true);
      time.after(random.between(100ms, 3s), [this] { broker->set_down(false); });
      break;
    case 1:
      broker->set_blocked(true);
      time.after(random.between(100ms, 3s), [this] { broker->set_blocked(false); });
      break;
    case 2:
      broker->break_a_consumer(random.hits(0.5));
      break;
    case 3:
      pick(relays).stall(time.now() + random.between(100ms, 5s));
      break;
    case 4:
      pick(relays).stop_gently();
      break;
    case 5:
      pick(relays).crash();
      break;
    case 6:
      pick(consumers).stop_gently();
      break;
    case 7:
      if (random.hits(settings.clock_jump)) {
        const std::array jumps{random.between(0s, 20s), random.between(0s, 2h), -random.between(0s, 20s), span(-30h)};
        clock_jumped = true;
        wall_offset_ += jumps[random.below(jumps.size())];
      } else {
        pick(consumers).crash();
      }
      break;
  }
  time.after(random.between(200ms, 4s), [this] { trouble(); });
}

bool world::everything_ended() const {
  return unpublished_ == 0 && uncommitted_ == 0 && broker->empty() && inbox_store->delayed_count() == 0 && !outbox_store->has_pending();
}

std::string world::verdict() const {
  std::map<std::pair<std::string, std::string>, int> records, rejections;
  for (const auto& each : inbox_store->errors()) ++records[{each.key.subscription, each.key.message_id}];
  std::map<std::string, int> rejected;
  for (const auto& row : inbox_store->outbox()) ++rejected[row.message_id];
  for (const auto& [id, message] : book) {
    if (message.what == fate::has_no_listener || message.what == fate::refused_by_the_broker) continue;
    for (const auto& handler : handlers) {
      const std::pair key{handler, id};
      const auto effects = effects_.contains(key) ? effects_.at(key) : 0;
      const auto kept = records.contains(key) ? records.at(key) : 0;
      const auto dropped = discards_.contains(key) ? discards_.at(key) : 0;
      if (effects + kept + dropped == 0) return id + " was committed and never reached " + handler;
      if (effects + kept + dropped > 1) return id + " ended more than once at " + handler;
      const bool cannot_succeed = message.what == fate::is_refused_by_the_handler || message.what == fate::aborts_the_process;
      if (cannot_succeed && effects > 0 && !is_repaired(handler, id))
        return id + " had an effect at " + handler + ", which never completed it";
      if (rejected[derived_id(id, handler)] != kept + dropped)
        return "the rejection of " + id + " at " + handler + " was not published exactly once";
    }
  }
  for (const auto& row : outbox_store->outbox()) {
    const auto what = book.at(row.message_id).what;
    if (row.parked != (what == fate::refused_by_the_broker)) return row.message_id + " is parked wrongly: " + row.reason;
  }
  return {};
}

std::string world::run() {
  unpublished_ = settings.messages;
  for (auto& each : relays) each->start();
  for (auto& each : consumers) each->start();
  time.after(1ms, [this] { publish_some(); });
  time.after(time.random.between(0s, 2s), [this] { trouble(); });
  time.after(settings.chaos + 1ms, [this] {
    broker->set_down(false);
    broker->set_blocked(false);
  });
  const auto patience = chaos_until_ + 300s;
  for (std::uint64_t steps = 1; violation_.empty(); ++steps) {
    if (!time.step() || time.now() > patience) {
      violate("no progress: something was never delivered");
      break;
    }
    if (steps % 64 == 0 && !chaos() && everything_ended()) break;
  }
  return violation_.empty() ? verdict() : violation_;
}

}  // namespace mamey::simulation
