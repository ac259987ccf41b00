#include <memory>
#include <mutex>

#include "store_conformance.hpp"
#include "store_examples.hpp"

namespace mamey::testing {
namespace {

using namespace std::chrono_literals;
using strings = std::vector<std::string>;

/// A relay that takes everything.
class taker final : public hand_over_target {
 public:
  explicit taker(hand_over_terms terms) : terms_(std::move(terms)) {}

  std::optional<hand_over_terms> reserve(std::size_t rows, std::size_t bytes) override {
    const std::lock_guard lock(guard_);
    reserved_rows += rows;
    reserved_bytes += bytes;
    return terms_;
  }
  bool take(handed_rows rows) noexcept override {
    const std::lock_guard lock(guard_);
    reserved_rows -= rows.reserved_rows;
    reserved_bytes -= rows.reserved_bytes;
    taken.push_back(std::move(rows));
    return true;
  }
  void cancel(std::size_t rows, std::size_t bytes) noexcept override {
    const std::lock_guard lock(guard_);
    ++cancelled;
    reserved_rows -= rows;
    reserved_bytes -= bytes;
  }

  strings handed_ids() const {
    const std::lock_guard lock(guard_);
    strings all;
    for (const auto& each : taken) {
      for (const auto& row : each.rows) all.push_back(row.message->id);
    }
    return all;
  }
  std::vector<std::int64_t> handed_sequences() const {
    const std::lock_guard lock(guard_);
    std::vector<std::int64_t> all;
    for (const auto& each : taken) {
      for (const auto& row : each.rows) all.push_back(row.sequence);
    }
    return all;
  }
  strings free_keys() const {
    const std::lock_guard lock(guard_);
    strings all;
    for (const auto& each : taken) all.insert(all.end(), each.free_keys.begin(), each.free_keys.end());
    return all;
  }

  std::vector<handed_rows> taken;
  std::size_t reserved_rows = 0, reserved_bytes = 0;
  int cancelled = 0;

 private:
  mutable std::mutex guard_;
  const hand_over_terms terms_;
};

std::shared_ptr<taker> unordered_taker() { return std::make_shared<taker>(hand_over_terms{.token = "mine", .lease = 30s}); }
std::shared_ptr<taker> ordered_taker() {
  return std::make_shared<taker>(hand_over_terms{.token = "mine", .lease = 30s, .ordered = true, .owner = "r1"});
}

}  // namespace

TEST_P(store_conformance, a_commit_hands_its_messages_to_the_relay_of_its_process_under_a_lease) {
  const auto relay = unordered_taker();
  outbox().hand_to(relay);
  const auto before = steady_now();
  units().commit(messages({message("m1", "k"), message("m2")}));
  ASSERT_EQ(relay->taken.size(), 1U);
  const auto& handed = relay->taken.front();
  EXPECT_EQ(handed.token, "mine");
  EXPECT_GE(handed.since, before);
  EXPECT_LE(handed.since, steady_now());
  ASSERT_EQ(relay->handed_ids(), (strings{"m1", "m2"}));
  EXPECT_EQ(handed.rows[0].message->body, message("m1").body);
  EXPECT_LT(handed.rows[0].sequence, handed.rows[1].sequence);
  EXPECT_EQ(relay->reserved_rows, 0U);
  EXPECT_EQ(relay->reserved_bytes, 0U);

  move_clock(29s);
  EXPECT_TRUE(outbox().claim_outbox({}).rows.empty()) << "leased";
  const auto rows = relay->handed_sequences();
  EXPECT_EQ(outbox().renew_outbox("mine", rows, 30s), 2U);
  move_clock(29s);
  EXPECT_TRUE(outbox().claim_outbox({}).rows.empty());
  move_clock(2s);
  const auto late = outbox().claim_outbox({});
  ASSERT_EQ(ids(late), (strings{"m1", "m2"})) << "whoever died with them has left them to others";
  EXPECT_TRUE(late.rows[0].reclaimed);
  EXPECT_EQ(sequences(late), rows);
}

TEST_P(store_conformance, a_handed_row_is_settled_as_a_claimed_one) {
  const auto relay = unordered_taker();
  outbox().hand_to(relay);
  units().commit(messages({message("m1"), message("m2"), message("m3")}));
  const auto rows = relay->handed_sequences();
  ASSERT_EQ(rows.size(), 3U);
  outbox().mark_sent(std::span(rows).first(1));
  EXPECT_EQ(outbox().release_outbox("mine", std::span(rows).subspan(1, 1)), 1U);
  const outbox_failure failure[] = {{.sequence = rows[2], .reason = "too large", .retry_after = 10s}};
  EXPECT_EQ(outbox().fail_outbox("mine", failure), 1U);
  const auto claimed = outbox().claim_outbox({});
  ASSERT_EQ(ids(claimed), strings{"m2"});
  EXPECT_FALSE(claimed.rows[0].reclaimed) << "given back unsent";
  move_clock(10s);
  EXPECT_EQ(outbox().claim_outbox({}).rows.at(0).attempts, 1);
}

TEST_P(store_conformance, a_commit_whose_messages_were_handed_over_does_not_wake_the_relay) {
  written_rows last;
  db().on_commit([&](written_rows rows) { last = rows; });
  outbox().hand_to(unordered_taker());
  units().commit(messages({message("m1")}));
  EXPECT_FALSE(last.outbox);
  EXPECT_TRUE(last.handed);
  outbox().hand_to(nullptr);
  units().commit(messages({message("m2")}));
  EXPECT_TRUE(last.outbox);
  EXPECT_FALSE(last.handed);
  db().on_commit({});
  EXPECT_EQ(ids(outbox().claim_outbox({})), strings{"m2"});
}

TEST_P(store_conformance, a_commit_that_is_refused_hands_nothing_over) {
  const auto relay = unordered_taker();
  outbox().hand_to(relay);
  auto refused = messages({message("m1")});
  refused.documents.push_back(update_part("nobody", {.sku = "a-1"}, 1));
  EXPECT_EQ(refusal_kind([&] { units().commit(refused); }), error_kind::concurrency_conflict);
  EXPECT_TRUE(relay->taken.empty());
  EXPECT_EQ(relay->cancelled, 1);
  EXPECT_EQ(relay->reserved_rows, 0U);

  auto once = messages({message("m2")});
  once.inbox = inbox_key{"count", "c1"};
  EXPECT_EQ(units().commit(once), commit_outcome::committed);
  EXPECT_EQ(units().commit(once), commit_outcome::already_handled);
  EXPECT_EQ(relay->handed_ids(), strings{"m2"});
  EXPECT_EQ(relay->reserved_rows, 0U);
}

TEST_P(store_conformance, an_interactive_unit_hands_its_messages_over_when_it_commits) {
  const auto relay = unordered_taker();
  outbox().hand_to(relay);
  auto unit = db().sql()->begin({}, 10s);
  unit->commit(messages({message("m1")}));
  EXPECT_EQ(relay->handed_ids(), strings{"m1"});
  auto counted = messages({message("m2")});
  counted.statements.push_back({.text = "delete from parts where id = 'nobody'", .parameters = {}, .expected_rows = 0});
  units().commit(counted);
  db().sql()->begin({}, 10s)->commit(counted);
  EXPECT_EQ(relay->handed_ids(), (strings{"m1", "m2", "m2"}));
  EXPECT_TRUE(outbox().claim_outbox({}).rows.empty());
  auto refused = db().sql()->begin({}, 10s);
  auto changes = messages({message("m3")});
  changes.documents.push_back(update_part("nobody", {.sku = "a-1"}, 1));
  EXPECT_EQ(refusal_kind([&] { refused->commit(changes); }), error_kind::concurrency_conflict);
  EXPECT_EQ(relay->taken.size(), 3U);
  EXPECT_EQ(relay->reserved_rows, 0U);
}

TEST_P(store_conformance, of_an_ordered_key_only_the_first_is_handed_over) {
  const auto relay = ordered_taker();
  outbox().hand_to(relay);
  outbox().lease_slots("r1", 1024, 1h);
  const claim_request request{.ordered = true, .owner = "r1"};
  units().commit(messages({message("a1", "a"), message("a2", "a"), message("n1"), message("b1", "b")}));
  EXPECT_EQ(relay->handed_ids(), (strings{"a1", "n1", "b1"}));
  EXPECT_EQ(relay->free_keys(), strings{"a"});
  units().commit(messages({message("a3", "a")}));
  EXPECT_EQ(relay->free_keys(), (strings{"a", "a"}));
  EXPECT_TRUE(outbox().claim_outbox(request).rows.empty()) << "while the head is out its key waits";
  const auto rows = relay->handed_sequences();
  outbox().mark_sent(std::span(rows).first(1));
  units().commit(messages({message("a4", "a")}));
  EXPECT_EQ(relay->handed_ids(), (strings{"a1", "n1", "b1"})) << "a2 and a3 come before a4";
  EXPECT_EQ(ids(outbox().claim_outbox(request)), strings{"a2"});
  outbox().mark_sent(std::span(rows).subspan(2, 1));
  units().commit(messages({message("b2", "b")}));
  EXPECT_EQ(relay->handed_ids(), (strings{"a1", "n1", "b1", "b2"}));
}

TEST_P(store_conformance, a_parked_message_keeps_later_ones_of_its_key_from_being_handed_over) {
  const auto relay = ordered_taker();
  outbox().hand_to(relay);
  outbox().lease_slots("r1", 1024, 1h);
  units().commit(messages({message("a1", "a")}));
  const outbox_failure park[] = {{.sequence = relay->handed_sequences().at(0), .reason = "too large", .park = true}};
  EXPECT_EQ(outbox().fail_outbox("mine", park), 1U);
  units().commit(messages({message("a2", "a")}));
  EXPECT_EQ(relay->handed_ids(), strings{"a1"});
}

TEST_P(store_conformance, an_ordered_key_is_handed_over_only_to_the_relay_that_leases_its_slot_now) {
  const auto relay = ordered_taker();
  outbox().hand_to(relay);
  units().commit(messages({message("a1", "a"), message("n1")}));
  EXPECT_EQ(relay->handed_ids(), strings{"n1"}) << "no slot is leased";
  outbox().lease_slots("r2", 1024, 30s);
  units().commit(messages({message("b1", "b")}));
  EXPECT_EQ(relay->handed_ids(), strings{"n1"}) << "another relay has the slot";
  outbox().release_slots("r2");
  outbox().lease_slots("r1", 1024, 30s);
  units().commit(messages({message("c1", "c")}));
  EXPECT_EQ(relay->handed_ids(), (strings{"n1", "c1"}));
  move_clock(31s);
  units().commit(messages({message("d1", "d")}));
  EXPECT_EQ(relay->handed_ids(), (strings{"n1", "c1"})) << "the lease of the slots ran out";
}

}  // namespace mamey::testing
