#include <algorithm>
#include <chrono>
#include <set>
#include <string>

#include "transport_party.hpp"

// The promises of transport.hpp, one case each. A case throws promise_broken. What must not happen is looked for after a later message has
// come through the same queue, so no case waits for nothing.
namespace mamey::testing {

namespace {

using namespace std::chrono_literals;
using features = transport_features;
using defect = transport_defect;

/// A queue of its own for messages that prove that earlier ones have had their turn.
struct marker_queue {
  explicit marker_queue(party& on) : at(on) {
    at.declare("markers", "marker");
    reading = at.consume("markers", markers);
  }
  void pass() {
    at.publish("marker");
    markers.next("a marker").settle->acknowledge();
  }
  party& at;
  receiver markers;
  std::unique_ptr<consumer> reading;
};

void a_message_arrives_unchanged(transport_bench& bench) {
  party one(bench.open());
  one.declare("stock", "created");
  receiver inbox;
  const auto reading = one.consume("stock", inbox);
  envelope sent;
  sent.id = "id-1";
  sent.correlation_id = "c";
  sent.causation_id = "because";
  sent.type = "OrderCreated";
  sent.version = 3;
  sent.min_version = 2;
  sent.source = "orders";
  sent.occurred_at = wall_time(std::chrono::microseconds(1'700'000'000'123'456));
  sent.key = "k";
  sent.stream = "orders/1";
  sent.position = 7;
  sent.tenant = "t";
  sent.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  sent.user = R"({"id":"u"})";
  sent.headers = {{"Saga", "pending"}};
  sent.body = R"({"text":"äöü\n"})";
  sent.exchange = "orders";
  sent.routing_key = "created";
  one.publish(sent);
  auto got = inbox.next("the message");
  const auto& m = *got.message;
  require(m.id == sent.id && m.correlation_id == sent.correlation_id && m.causation_id == sent.causation_id && m.type == sent.type &&
              m.version == sent.version && m.min_version == sent.min_version && m.source == sent.source &&
              m.occurred_at == sent.occurred_at && m.key == sent.key && m.stream == sent.stream && m.position == sent.position &&
              m.tenant == sent.tenant && m.traceparent == sent.traceparent && m.user == sent.user && m.headers == sent.headers &&
              m.body == sent.body && m.exchange == sent.exchange && m.routing_key == sent.routing_key,
          "every attribute arrives as it was sent");
  require(!got.redelivered, "a first delivery is not a redelivery");
  got.settle->acknowledge();
}

void a_confirmed_message_arrives(transport_bench& bench) {
  party one(bench.open());
  one.declare("stock", "created");
  receiver inbox;
  const auto reading = one.consume("stock", inbox);
  const auto tag = one.publish("created");
  inbox.next("the message").settle->acknowledge();
  require(one.outcome(tag).result == publish_result::confirmed, "a message that arrived is confirmed");
}

void every_bound_queue_gets_its_copy(transport_bench& bench) {
  party one(bench.open());
  one.declare("stock", "created");
  one.declare("mail", "created");
  receiver stock, mail;
  const auto first = one.consume("stock", stock);
  const auto second = one.consume("mail", mail);
  const auto tag = one.publish("created");
  stock.next("the copy of the first queue").settle->acknowledge();
  mail.next("the copy of the second queue").settle->acknowledge();
  require(one.outcome(tag).result == publish_result::confirmed, "both copies settled: confirmed");
}

void a_message_nobody_is_bound_to_is_told(transport_bench& bench) {
  party one(bench.open());
  one.declare("stock", "created");
  require(one.outcome(one.publish("cancelled")).result == publish_result::unroutable, "a message without a queue is unroutable");
}

void confirmed_means_handled(transport_bench& bench) {
  party one(bench.open());
  one.declare("stock", "created");
  one.declare("mail", "created");
  receiver stock, mail;
  const auto first = one.consume("stock", stock);
  const auto second = one.consume("mail", mail);
  marker_queue markers(one);
  const auto tag = one.publish("created");
  auto unsettled = stock.next("the first copy");
  mail.next("the second copy").settle->acknowledge();
  markers.pass();
  require(!one.has_outcome(tag), "not confirmed while one subscription has not settled it");
  unsettled.settle->acknowledge();
  require(one.outcome(tag).result == publish_result::confirmed, "confirmed when all have");
}

void an_acknowledged_message_never_comes_again(transport_bench& bench) {
  party one(bench.open());
  one.declare("stock", "created");
  for (const auto* which : {"the first consumer's", "the second consumer's"}) {
    receiver inbox;
    const auto reading = one.consume("stock", inbox);
    for (int i = 0; i < 2; ++i) {
      const auto sent = name_of(one.publish("created"));
      auto got = inbox.next(std::string(which) + " message");
      require(got.message->id == sent, "an acknowledged message came again");
      got.settle->acknowledge();
    }
    reading->cancel();
    reading->close();  // by now the settlements are carried out: what was not acknowledged waits for the next consumer
  }
}

void a_message_given_back_comes_again_as_redelivered(transport_bench& bench) {
  party one(bench.open());
  one.declare("stock", "created");
  receiver inbox;
  const auto reading = one.consume("stock", inbox);
  one.publish("created");
  inbox.next("the message").settle->give_back({}, start_counting::counted);
  auto again = inbox.next("the message given back");
  require(again.redelivered, "a message handed out before says so");
  again.settle->acknowledge();
}

void a_message_given_back_with_a_delay_waits_for_it(transport_bench& bench) {
  party one(bench.open());
  one.declare("stock", "created");
  receiver inbox;
  const auto reading = one.consume("stock", inbox);
  one.publish("created");
  auto got = inbox.next("the message");
  const auto before = steady_now();
  got.settle->give_back(long_delay, start_counting::counted);
  auto again = inbox.next("the delayed message");
  require(steady_now() - before >= long_delay - 10ms, "a delayed message came too early");
  again.settle->acknowledge();
}

void starts_are_counted_across_hand_outs(transport_bench& bench) {
  auto through = bench.open();
  party one(through);
  one.declare("stock", "created");
  one.publish("created");
  for (int starts = 1; starts <= 3; ++starts) {
    receiver inbox;
    auto reading = one.consume("stock", inbox);
    auto got = inbox.next("hand-out " + std::to_string(starts));
    require(got.starts == starts, "hand-out " + std::to_string(starts) + " counts " + std::to_string(got.starts));
    reading->cancel();  // first: what is given back must not come to this consumer once more
    if (starts == 3)
      got.settle->acknowledge();
    else
      got.settle->give_back({}, start_counting::counted);
    reading->close();
  }
}

void an_uncounted_start_is_taken_back(transport_bench& bench) {
  party one(bench.open());
  one.declare("stock", "created");
  receiver inbox;
  const auto reading = one.consume("stock", inbox);
  one.publish("created");
  inbox.next("the message").settle->give_back({}, start_counting::uncounted);
  auto again = inbox.next("the message given back");
  require(again.starts == 1, "a start given back uncounted is no start");
  again.settle->acknowledge();
}

void what_a_consumer_leaves_unsettled_comes_again(transport_bench& bench) {
  party one(bench.open());
  one.declare("stock", "created");
  receiver first, second;
  auto reading = one.consume("stock", first);
  one.publish("created");
  first.await(1, "a message for the first consumer");
  const auto next = one.consume("stock", second);
  reading->cancel();
  reading->close();
  auto again = second.next("the message the first consumer left");
  require(again.redelivered, "it may have been begun");
  again.settle->acknowledge();
  first.drop();
}

void no_more_than_the_prefetch_is_handed_out(transport_bench& bench) {
  party one(bench.open());
  one.declare("stock", "created");
  receiver inbox;
  const auto reading = one.consume("stock", inbox, 2);
  marker_queue markers(one);
  for (int i = 0; i < 5; ++i) one.publish("created");
  inbox.await(2, "what the prefetch allows");
  markers.pass();
  markers.pass();
  require(inbox.count() == 2, "more unsettled deliveries than the prefetch allows");
  for (int i = 0; i < 5; ++i) inbox.next("the rest").settle->acknowledge();
}

void an_ordered_queue_hands_out_one_a_key_in_order(transport_bench& bench) {
  party one(bench.open());
  one.declare("stock", "created", true);
  receiver inbox;
  const auto reading = one.consume("stock", inbox, 100, true);
  std::vector<std::string> sent;
  for (int i = 0; i < 4; ++i) sent.push_back(name_of(one.publish("created", "a")));
  const auto other = name_of(one.publish("created", "b"));
  std::vector<delivery> heads;
  for (int i = 0; i < 2; ++i) heads.push_back(inbox.next("the head of each key"));
  const auto comes = [&](const std::string& id) {
    return std::ranges::any_of(heads, [&](const auto& each) { return each.message->id == id; });
  };
  require(comes(sent.front()) && comes(other), "two messages of one key were out at once");
  for (auto& each : heads) each.settle->acknowledge();
  for (std::size_t i = 1; i < sent.size(); ++i) {
    auto got = inbox.next("the next of its key");
    require(got.message->id == sent[i], "messages of a key came out of order");
    require(inbox.count() == 0, "two messages of one key were out at once");
    got.settle->acknowledge();
  }
}

void a_message_given_back_keeps_its_place_in_an_ordered_queue(transport_bench& bench) {
  party one(bench.open());
  one.declare("stock", "created", true);
  receiver inbox;
  const auto reading = one.consume("stock", inbox, 100, true);
  const auto head = name_of(one.publish("created", "a"));
  one.publish("created", "a");
  auto got = inbox.next("the head");
  require(got.message->id == head, "the head comes first");
  got.settle->give_back(long_delay, start_counting::counted);
  auto again = inbox.next("the head again");
  require(again.message->id == head, "a follower overtook its head");
  again.settle->acknowledge();
  inbox.next("the follower").settle->acknowledge();
}

void competing_consumers_share_the_messages(transport_bench& bench) {
  auto through = bench.open();
  party one(through), two(through);
  one.declare("stock", "created");
  receiver first, second;
  const auto reading = one.consume("stock", first, 1);
  const auto other = two.consume("stock", second, 1);
  one.publish("created");
  one.publish("created");
  auto left = first.next("a message for the first consumer");
  auto right = second.next("a message for the second consumer");
  require(left.message->id != right.message->id, "both consumers got the same message");
  left.settle->acknowledge();
  right.settle->acknowledge();
}

void nothing_is_handed_out_after_cancel_and_settling_still_works(transport_bench& bench) {
  auto through = bench.open();
  party one(through);
  one.declare("stock", "created");
  receiver inbox;
  const auto reading = one.consume("stock", inbox);
  marker_queue markers(one);
  one.publish("created");
  auto held = inbox.next("the message");
  reading->cancel();
  one.publish("created");
  markers.pass();
  require(inbox.count() == 0, "a cancelled consumer got a message");
  held.settle->acknowledge();
  reading->close();
  require(inbox.count() == 0, "a consumer that closes got a message");
  party late(through);
  receiver rest;
  const auto again = late.consume("stock", rest);
  const auto sentinel = name_of(late.publish("created"));
  for (std::string seen; seen != sentinel;) {
    auto got = rest.next("what was published after the cancel");
    require(got.message != held.message, "what was acknowledged after the cancel came again");
    seen = got.message->id;
    got.settle->acknowledge();
  }
  require(inbox.count() == 0, "a closed consumer got a message");
}

void every_publish_has_one_outcome_a_reset_included(transport_bench& bench) {
  party one(bench.open());
  one.declare("stock", "created");
  receiver inbox;
  const auto reading = one.consume("stock", inbox, 1);
  std::vector<std::uint64_t> tags;
  for (int i = 0; i < 3; ++i) tags.push_back(one.publish("created"));
  auto held = inbox.next("the first");
  one.reset();
  for (const auto tag : tags) one.outcome(tag);
  held.settle->acknowledge();
  marker_queue markers(one);
  inbox.drop();
  markers.pass();
  for (const auto tag : tags) require(one.outcomes(tag) == 1, name_of(tag) + " has more than one outcome");
}

void a_reset_ends_what_is_unconfirmed(transport_bench& bench) {
  party one(bench.open());
  one.declare("stock", "created");
  receiver inbox;
  const auto reading = one.consume("stock", inbox);
  const auto tag = one.publish("created");
  auto held = inbox.next("the message");
  one.reset();
  require(one.outcome(tag).result == publish_result::broker_fault, "given up before it was confirmed: a fault of the broker");
  held.settle->acknowledge();
}

void declaring_again_changes_nothing(transport_bench& bench) {
  party one(bench.open());
  one.declare("stock", "created");
  receiver inbox;
  const auto reading = one.consume("stock", inbox);
  try {
    one.declare("stock", "created");
  } catch (const std::exception& refused) {
    broken(std::string("declaring again was refused: ") + refused.what());
  }
  one.publish("created");
  inbox.next("the message").settle->acknowledge();
  marker_queue markers(one);
  markers.pass();
  require(inbox.count() == 0, "declared twice, delivered twice");
}

void what_comes_after_its_lease_is_not_sent(transport_bench& bench) {
  party one(bench.open());
  one.declare("stock", "created");
  receiver inbox;
  const auto reading = one.consume("stock", inbox);
  const auto tag = one.publish("created", {}, steady_now() - 1s);
  const auto outcome = one.outcome(tag);
  require(outcome.result == publish_result::broker_fault && outcome.untouched, "too late is a fault that left the message untouched");
  const auto sentinel = name_of(one.publish("created"));
  auto got = inbox.next("the sentinel");
  require(got.message->id == sentinel, "a message was sent after its lease");
  got.settle->acknowledge();
}

void a_confirmed_message_survives_a_restart(transport_bench& bench) {
  {
    party one(bench.open());
    one.declare("stock", "created");
    require(one.outcome(one.publish("created")).result == publish_result::confirmed, "confirmed without a consumer");
  }
  party again(bench.open());
  receiver inbox;
  const auto reading = again.consume("stock", inbox);
  auto got = inbox.next("the message of before the restart");
  require(got.message->id == "m1", "another message came");
  got.settle->acknowledge();
}

void another_process_gets_what_this_one_publishes(transport_bench& bench) {
  party publishing(bench.open());
  party consuming(bench.open());
  consuming.declare("stock", "created");
  receiver inbox;
  const auto reading = consuming.consume("stock", inbox);
  const auto tag = publishing.publish("created");
  auto got = inbox.next("the message of the other process");
  require(got.message->id == name_of(tag), "another message came");
  got.settle->acknowledge();
}

}  // namespace

const std::vector<transport_case>& transport_cases() {
  static const std::vector<transport_case> all{
      {"a_message_arrives_unchanged", nullptr, defect::alters_messages, a_message_arrives_unchanged},
      {"a_confirmed_message_arrives", nullptr, defect::loses_messages, a_confirmed_message_arrives},
      {"every_bound_queue_gets_its_copy", nullptr, defect::delivers_to_one_queue, every_bound_queue_gets_its_copy},
      {"a_message_nobody_is_bound_to_is_told", &features::reports_unroutable, defect::confirms_unroutable,
       a_message_nobody_is_bound_to_is_told},
      {"confirmed_means_handled", &features::confirms_after_handling, defect::confirms_at_once, confirmed_means_handled},
      {"an_acknowledged_message_never_comes_again", nullptr, defect::forgets_settlements, an_acknowledged_message_never_comes_again},
      {"a_message_given_back_comes_again_as_redelivered", nullptr, defect::hides_redelivery,
       a_message_given_back_comes_again_as_redelivered},
      {"a_message_given_back_is_not_lost", nullptr, defect::drops_given_back, a_message_given_back_comes_again_as_redelivered},
      {"a_message_given_back_with_a_delay_waits_for_it", &features::delayed_give_back, defect::ignores_delays,
       a_message_given_back_with_a_delay_waits_for_it},
      {"starts_are_counted_across_hand_outs", &features::counts_starts, defect::resets_starts, starts_are_counted_across_hand_outs},
      {"an_uncounted_start_is_taken_back", &features::counts_starts, defect::counts_uncounted, an_uncounted_start_is_taken_back},
      {"what_a_consumer_leaves_unsettled_comes_again", nullptr, defect::swallows_unsettled, what_a_consumer_leaves_unsettled_comes_again},
      {"no_more_than_the_prefetch_is_handed_out", nullptr, defect::ignores_prefetch, no_more_than_the_prefetch_is_handed_out},
      {"an_ordered_queue_hands_out_one_a_key_in_order", &features::ordered_by_key, defect::ignores_order,
       an_ordered_queue_hands_out_one_a_key_in_order},
      {"a_message_given_back_keeps_its_place_in_an_ordered_queue", &features::keeps_place, defect::ignores_order,
       a_message_given_back_keeps_its_place_in_an_ordered_queue},
      {"competing_consumers_share_the_messages", &features::competing_consumers, defect::hands_out_twice,
       competing_consumers_share_the_messages},
      {"nothing_is_handed_out_after_cancel_and_settling_still_works", nullptr, defect::delivers_after_cancel,
       nothing_is_handed_out_after_cancel_and_settling_still_works},
      {"nothing_is_handed_out_after_close", nullptr, defect::delivers_after_close,
       nothing_is_handed_out_after_cancel_and_settling_still_works},
      {"every_publish_has_one_outcome_a_reset_included", nullptr, defect::repeats_outcomes, every_publish_has_one_outcome_a_reset_included},
      {"a_reset_ends_what_is_unconfirmed", &features::confirms_after_handling, defect::forgets_outcomes, a_reset_ends_what_is_unconfirmed},
      {"declaring_again_changes_nothing", nullptr, defect::refuses_to_declare_again, declaring_again_changes_nothing},
      {"what_comes_after_its_lease_is_not_sent", nullptr, defect::sends_too_late, what_comes_after_its_lease_is_not_sent},
      {"a_confirmed_message_survives_a_restart", &features::persistent, defect::loses_messages, a_confirmed_message_survives_a_restart},
      {"another_process_gets_what_this_one_publishes", &features::several_processes, defect::loses_messages,
       another_process_gets_what_this_one_publishes},
  };
  return all;
}

}  // namespace mamey::testing
