#include <atomic>
#include <set>

#include "store_conformance.hpp"
#include "store_examples.hpp"

namespace mamey::testing {

using namespace std::chrono_literals;
using strings = std::vector<std::string>;

// -- claims -----------------------------------------------------------------------------------------------------------

TEST_P(store_conformance, a_message_comes_out_of_the_outbox_as_it_went_in) {
  envelope sent = message("m1", "key-1");
  sent.correlation_id = "c";
  sent.causation_id = "d";
  sent.version = 3;
  sent.min_version = 2;
  sent.source = "parts";
  sent.occurred_at = wall_time(1'700'000'000'123'456us);
  sent.stream = "parts/p1";
  sent.position = 4;
  sent.tenant = "t";
  sent.content_type = "text/plain";
  sent.expires_at = wall_time(99us);
  sent.traceparent = "00-1-2-01";
  sent.user = R"({"id":"u"})";
  sent.headers = {{"a", "1"}, {"b\"", "ö"}};
  sent.body = std::string("nul\0byte", 8);
  units().commit(messages({sent, message("m2")}));
  reopen();
  const auto claimed = outbox().claim_outbox({});
  ASSERT_EQ(claimed.rows.size(), 2U);
  const auto& got = claimed.rows[0].message;
  EXPECT_EQ(got.id, sent.id);
  EXPECT_EQ(got.correlation_id, sent.correlation_id);
  EXPECT_EQ(got.causation_id, sent.causation_id);
  EXPECT_EQ(got.type, sent.type);
  EXPECT_EQ(got.version, sent.version);
  EXPECT_EQ(got.min_version, sent.min_version);
  EXPECT_EQ(got.source, sent.source);
  EXPECT_EQ(got.occurred_at, sent.occurred_at);
  EXPECT_EQ(got.key, sent.key);
  EXPECT_EQ(got.stream, sent.stream);
  EXPECT_EQ(got.position, sent.position);
  EXPECT_EQ(got.tenant, sent.tenant);
  EXPECT_EQ(got.content_type, sent.content_type);
  EXPECT_EQ(got.expires_at, sent.expires_at);
  EXPECT_EQ(got.traceparent, sent.traceparent);
  EXPECT_EQ(got.user, sent.user);
  EXPECT_EQ(got.headers, sent.headers);
  EXPECT_EQ(got.body, sent.body);
  EXPECT_EQ(got.exchange, sent.exchange);
  EXPECT_EQ(got.routing_key, sent.routing_key);
  EXPECT_FALSE(claimed.rows[1].message.expires_at);
}

TEST_P(store_conformance, a_row_somebody_has_spoiled_does_not_hold_up_the_outbox) {
  units().commit(messages({message("m1"), message("m2"), message("m3"), message("m4")}));
  units().commit(
      {.statements = {
           {.text = "update mamey_outbox set headers = '{broken', body = '{broken', type = 'NobodyKnows' where message_id = 'm2'"},
           {.text =
                "update mamey_outbox set headers = '[1]', version = null, occurred_at_us = null, source = null where message_id = 'm3'"}}});
  const auto claimed = outbox().claim_outbox({});
  ASSERT_EQ(claimed.rows.size(), 4U);
  EXPECT_EQ(claimed.rows[1].message.type, "NobodyKnows");
  EXPECT_EQ(claimed.rows[1].message.body, "{broken") << "sent as it is: whoever reads it decides";
  EXPECT_EQ(claimed.rows[3].message.id, "m4");
}

TEST_P(store_conformance, a_claim_takes_rows_in_the_order_of_their_commits_bounded_by_count_and_bytes) {
  for (const auto* id : {"m1", "m2", "m3", "m4", "m5"}) units().commit(messages({message(id)}));
  const auto first = outbox().claim_outbox({.most_rows = 2});
  EXPECT_EQ(ids(first), (strings{"m1", "m2"}));
  EXPECT_LT(first.rows[0].sequence, first.rows[1].sequence);
  const auto size = message("m3").body.size();
  const auto second = outbox().claim_outbox({.most_bytes = size + 1});
  EXPECT_EQ(ids(second), (strings{"m3", "m4"})) << "the row that reaches the bound is the last";
  EXPECT_NE(first.token, second.token);
  EXPECT_EQ(ids(outbox().claim_outbox({.most_bytes = 1})), strings{"m5"}) << "a large message goes alone";
}

TEST_P(store_conformance, a_claimed_row_is_nobody_elses_until_its_lease_ends_and_then_may_have_been_sent) {
  units().commit(messages({message("m1")}));
  const auto first = outbox().claim_outbox({.lease = 30s});
  ASSERT_EQ(first.rows.size(), 1U);
  EXPECT_FALSE(first.rows[0].reclaimed);
  move_clock(29s);
  EXPECT_TRUE(outbox().claim_outbox({}).rows.empty());
  EXPECT_EQ(outbox().renew_outbox(first.token, sequences(first), 30s), 1U);
  move_clock(29s);
  EXPECT_TRUE(outbox().claim_outbox({}).rows.empty());
  move_clock(2s);
  const auto second = outbox().claim_outbox({.lease = 30s});
  ASSERT_EQ(second.rows.size(), 1U);
  EXPECT_TRUE(second.rows[0].reclaimed);
  EXPECT_EQ(outbox().release_outbox(second.token, sequences(second)), 1U);
  EXPECT_TRUE(outbox().claim_outbox({}).rows.at(0).reclaimed) << "giving it back does not undo what its first holder may have sent";
}

TEST_P(store_conformance, a_row_given_back_unsent_was_certainly_not_sent) {
  units().commit(messages({message("m1")}));
  const auto first = outbox().claim_outbox({});
  EXPECT_EQ(outbox().release_outbox(first.token, sequences(first)), 1U);
  EXPECT_FALSE(outbox().claim_outbox({}).rows.at(0).reclaimed);
}

TEST_P(store_conformance, failures_and_renewals_need_the_token_and_success_does_not) {
  units().commit(messages({message("m1")}));
  const auto lost = outbox().claim_outbox({.lease = 1s});
  move_clock(2s);
  const auto held = outbox().claim_outbox({.lease = 30s});
  ASSERT_EQ(held.rows.size(), 1U);
  const outbox_failure failure[] = {{.sequence = held.rows[0].sequence, .reason = "too large"}};
  EXPECT_EQ(outbox().renew_outbox(lost.token, sequences(held), 30s), 0U);
  EXPECT_EQ(outbox().release_outbox(lost.token, sequences(held)), 0U);
  EXPECT_EQ(outbox().fail_outbox(lost.token, failure), 0U);
  EXPECT_TRUE(outbox().claim_outbox({}).rows.empty()) << "the holder still has it";
  outbox().mark_sent(sequences(lost));
  EXPECT_EQ(outbox().read_outbox_state().pending, 0);
  outbox().mark_sent(sequences(lost));
}

TEST_P(store_conformance, a_sequence_is_never_given_twice) {
  units().commit(messages({message("m1")}));
  const auto first = sequences(outbox().claim_outbox({}));
  outbox().mark_sent(first);
  reopen();
  units().commit(messages({message("m2")}));
  EXPECT_GT(sequences(outbox().claim_outbox({})).at(0), first.at(0)) << "a late mark for m1 would delete m2";
}

TEST_P(store_conformance, a_refused_message_waits_is_counted_and_can_be_parked) {
  units().commit(messages({message("m1"), message("m2")}));
  auto claimed = outbox().claim_outbox({});
  const outbox_failure failures[] = {{.sequence = claimed.rows[0].sequence, .reason = "too large", .retry_after = 10s},
                                     {.sequence = claimed.rows[1].sequence, .reason = "too large", .park = true}};
  EXPECT_EQ(outbox().fail_outbox(claimed.token, failures), 2U);
  EXPECT_TRUE(outbox().claim_outbox({}).rows.empty());
  EXPECT_EQ(outbox().read_outbox_state().pending, 1);
  EXPECT_EQ(outbox().read_outbox_state().parked, 1);
  move_clock(10s);
  claimed = outbox().claim_outbox({});
  ASSERT_EQ(ids(claimed), strings{"m1"});
  EXPECT_EQ(claimed.rows[0].attempts, 1);
  EXPECT_FALSE(claimed.rows[0].reclaimed);
}

TEST_P(store_conformance, a_row_that_only_waits_for_its_destination_has_no_attempt_more) {
  units().commit(messages({message("m1")}));
  auto claimed = outbox().claim_outbox({});
  const outbox_failure waits[] = {{.sequence = claimed.rows[0].sequence, .reason = "full", .retry_after = 10s, .counted = false}};
  EXPECT_EQ(outbox().fail_outbox(claimed.token, waits), 1U);
  EXPECT_TRUE(outbox().claim_outbox({}).rows.empty());
  move_clock(10s);
  claimed = outbox().claim_outbox({});
  ASSERT_EQ(ids(claimed), strings{"m1"});
  EXPECT_EQ(claimed.rows[0].attempts, 0);
}

TEST_P(store_conformance, an_unroutable_event_is_kept_and_counted_and_not_sent_again) {
  units().commit(messages({message("m1"), message("m2")}));
  const auto claimed = outbox().claim_outbox({.lease = 1s});
  const std::int64_t first[] = {claimed.rows[0].sequence};
  outbox().mark_unroutable(first);
  outbox().mark_unroutable(first);
  move_clock(1h);
  EXPECT_EQ(ids(outbox().claim_outbox({})), strings{"m2"});
  EXPECT_EQ(outbox().read_outbox_state().unroutable, 1);
  EXPECT_EQ(outbox().read_outbox_state().pending, 1);
}

TEST_P(store_conformance, what_was_set_aside_is_listed_and_can_be_sent_again) {
  outbox().lease_slots("r1", 1024, 1h);
  units().commit(messages({message("a1", "a"), message("a2", "a"), message("b1", "b")}));
  const claim_request request{.ordered = true, .owner = "r1"};
  const auto claimed = outbox().claim_outbox(request);
  const outbox_failure park[] = {{.sequence = claimed.rows[0].sequence, .reason = "too large", .park = true}};
  outbox().fail_outbox(claimed.token, park);
  const std::int64_t nobody[] = {claimed.rows[1].sequence};
  outbox().mark_unroutable(nobody);

  const auto parked = outbox().list_aside(set_aside::parked, 0, 10), unroutable = outbox().list_aside(set_aside::unroutable, 0, 10);
  ASSERT_EQ(parked.size(), 1U);
  EXPECT_EQ(parked[0].message.id, "a1");
  EXPECT_EQ(parked[0].reason, "too large");
  EXPECT_EQ(parked[0].attempts, 1);
  ASSERT_EQ(unroutable.size(), 1U);
  EXPECT_EQ(unroutable[0].message.key, "b");
  EXPECT_TRUE(outbox().list_aside(set_aside::parked, 1, 10).empty());

  std::atomic<int> wakes = 0;
  db().on_commit([&](written_rows rows) { wakes += rows.outbox ? 1 : 0; });
  const std::int64_t all[] = {parked[0].sequence, unroutable[0].sequence, 99'999};
  EXPECT_EQ(outbox().resend_outbox(all), 2U);
  EXPECT_EQ(wakes, 1);
  db().on_commit({});
  EXPECT_EQ(outbox().resend_outbox(all), 0U);
  const auto again = outbox().claim_outbox(request);
  EXPECT_EQ(ids(again), (strings{"a1", "b1"})) << "a1 has kept its place before a2";
  EXPECT_EQ(again.rows[0].attempts, 0);
  EXPECT_GT(again.rows[1].sequence, unroutable[0].sequence);
}

TEST_P(store_conformance, the_age_of_the_outbox_is_that_of_its_oldest_pending_message) {
  EXPECT_EQ(outbox().read_outbox_state().oldest_age, 0ms);
  units().commit(messages({message("m1")}));
  move_clock(90s);
  units().commit(messages({message("m2")}));
  move_clock(10s);
  EXPECT_EQ(outbox().read_outbox_state().oldest_age, 100s);
}

TEST_P(store_conformance, a_lease_or_next_attempt_by_a_clock_that_was_set_back_counts_as_past) {
  units().commit(messages({message("m1"), message("m2")}));
  const auto claimed = outbox().claim_outbox({.lease = 30s});
  const outbox_failure failure[] = {{.sequence = claimed.rows[1].sequence, .reason = "no", .retry_after = 60s}};
  outbox().fail_outbox(claimed.token, failure);
  move_clock(-24h);
  EXPECT_EQ(ids(outbox().claim_outbox({})), (strings{"m1", "m2"}));
}

// -- order by key -----------------------------------------------------------------------------------------------------

TEST_P(store_conformance, an_ordered_claim_takes_the_head_of_each_key_and_any_number_without_one) {
  outbox().lease_slots("r1", 1024, 30s);
  units().commit(messages({message("a1", "a"), message("a2", "a"), message("b1", "b"), message("n1"), message("n2"), message("b2", "b")}));
  const claim_request request{.ordered = true, .owner = "r1"};
  const auto heads = outbox().claim_outbox(request);
  EXPECT_EQ(ids(heads), (strings{"a1", "b1", "n1", "n2"}));
  EXPECT_TRUE(heads.rows[0].followed);
  EXPECT_TRUE(heads.rows[1].followed);
  EXPECT_FALSE(heads.rows[2].followed) << "order is for keys";
  EXPECT_TRUE(outbox().claim_outbox(request).rows.empty()) << "while a head is out its key waits";
  const std::int64_t sent[] = {heads.rows[0].sequence};
  outbox().mark_sent(sent);
  const auto next = outbox().claim_outbox(request);
  EXPECT_EQ(ids(next), strings{"a2"});
  EXPECT_FALSE(next.rows.at(0).followed);
}

TEST_P(store_conformance, an_ordered_claim_takes_only_keys_whose_slot_the_owner_leases_now) {
  units().commit(messages({message("a1", "a"), message("n1")}));
  EXPECT_EQ(ids(outbox().claim_outbox({.lease = 1s, .ordered = true, .owner = "r1"})), strings{"n1"});
  ASSERT_EQ(outbox().lease_slots("r1", 1024, 30s).size(), 1024U);
  EXPECT_TRUE(outbox().claim_outbox({.ordered = true, .owner = "r2"}).rows.empty());
  move_clock(31s);
  EXPECT_EQ(ids(outbox().claim_outbox({.lease = 1s, .ordered = true, .owner = "r1"})), strings{"n1"}) << "the lease of the slots ran out";
  outbox().lease_slots("r1", 1024, 30s);
  EXPECT_EQ(ids(outbox().claim_outbox({.ordered = true, .owner = "r1"})), strings{"a1"});
}

TEST_P(store_conformance, a_parked_head_blocks_its_key_or_is_passed_visibly) {
  outbox().lease_slots("r1", 1024, 1h);
  units().commit(messages({message("a1", "a"), message("a2", "a"), message("b1", "b")}));
  const auto heads = outbox().claim_outbox({.ordered = true, .owner = "r1"});
  const outbox_failure park[] = {{.sequence = heads.rows[0].sequence, .reason = "too large", .park = true}};
  outbox().fail_outbox(heads.token, park);
  outbox().release_outbox(heads.token, sequences(heads));
  EXPECT_EQ(ids(outbox().claim_outbox({.lease = 1s, .ordered = true, .owner = "r1"})), strings{"b1"});
  move_clock(2s);
  const auto passed = outbox().claim_outbox({.ordered = true, .owner = "r1", .parked_head_blocks = false});
  ASSERT_EQ(ids(passed), (strings{"a2", "b1"}));
  EXPECT_TRUE(passed.rows[0].behind_parked);
  EXPECT_FALSE(passed.rows[1].behind_parked);
}

TEST_P(store_conformance, a_long_queue_of_one_key_does_not_hide_the_others) {
  outbox().lease_slots("r1", 1024, 1h);
  change_set changes;
  for (int i = 0; i < 1'500; ++i) changes.outbox.push_back(message("a" + std::to_string(i), "a"));
  changes.outbox.push_back(message("b0", "b"));
  changes.outbox.push_back(message("n0"));
  units().commit(changes);
  const claim_request request{.ordered = true, .owner = "r1"};
  EXPECT_EQ(ids(outbox().claim_outbox(request)).at(0), "a0");
  EXPECT_EQ(ids(outbox().claim_outbox(request)), (strings{"b0", "n0"}));
  EXPECT_TRUE(outbox().claim_outbox(request).rows.empty());
}

TEST_P(store_conformance, slots_are_leased_to_one_owner_at_a_time) {
  const auto first = outbox().lease_slots("r1", 700, 30s);
  const auto second = outbox().lease_slots("r2", 700, 30s);
  EXPECT_EQ(first.size(), 700U);
  EXPECT_EQ(second.size(), 324U);
  std::set<int> all(first.begin(), first.end());
  all.insert(second.begin(), second.end());
  EXPECT_EQ(all.size(), 1024U);
  EXPECT_EQ(*all.begin(), 0);
  EXPECT_EQ(*all.rbegin(), 1023);

  EXPECT_EQ(outbox().lease_slots("r1", 512, 30s).size(), 512U) << "more than it wants are let go";
  EXPECT_EQ(outbox().lease_slots("r2", 512, 30s).size(), 512U);
  move_clock(20s);
  EXPECT_EQ(outbox().lease_slots("r1", 512, 30s).size(), 512U) << "renewed";
  move_clock(20s);
  EXPECT_EQ(outbox().lease_slots("r3", 1024, 30s).size(), 512U) << "those of r2 ran out, those of r1 did not";
  outbox().release_slots("r1");
  EXPECT_EQ(outbox().lease_slots("r3", 1024, 30s).size(), 1024U);
}

}  // namespace mamey::testing
