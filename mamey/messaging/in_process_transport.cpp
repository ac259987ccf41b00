#include <mamey/messaging/in_process_transport.hpp>

#include <algorithm>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {

namespace {

/// Callbacks into a publisher or consumer, until it closes: none is running once `close` has returned.
template <class Callback>
struct gate {
  std::mutex mutex;
  Callback callback;
  bool open = true;

  template <class... Arguments>
  void call(Arguments&&... arguments) {
    const std::lock_guard lock(mutex);
    if (open && callback) callback(std::forward<Arguments>(arguments)...);
  }
  void close() {
    const std::lock_guard lock(mutex);
    open = false;
  }
};

/// One publish, waiting for its subscriptions.
struct publication {
  std::uint64_t channel = 0;
  std::uint64_t tag = 0;
  std::shared_ptr<const envelope> message;
  bool maybe_sent = false;
  std::size_t unsettled = 0;
  bool handed_out = false;  ///< somebody may have seen it without settling it
  bool ended = false;
};

/// A publication in one queue.
struct item {
  std::shared_ptr<publication> of;
  bool redelivered = false;
  int starts = 0;
  steady_time visible_at = steady_time::min();
  std::uint64_t with = 0;  ///< consumer that has it; 0: none
};

struct queue {
  bool ordered = false;
  std::map<std::uint64_t, item> items;  ///< by arrival: an item given back keeps its place
  std::vector<std::uint64_t> consumers;
  std::size_t next_consumer = 0;
  bool stopped = false;  ///< its last consumer has gone: nothing waits for another
};

struct consumer_entry {
  std::string queue;
  std::size_t prefetch = 1;
  std::size_t held = 0;
  std::shared_ptr<gate<delivery_callback>> deliver = std::make_shared<gate<delivery_callback>>();
};

using publisher_gate = gate<publish_callback>;

struct outcome {
  std::shared_ptr<publisher_gate> to;
  std::uint64_t tag = 0;
  publish_outcome what;
};

struct handover {
  std::shared_ptr<gate<delivery_callback>> to;
  delivery what;
};

constexpr transport_features in_process_features{.name = "inProcess",
                                                 .persistent = false,
                                                 .several_processes = false,
                                                 .ordered_by_key = true,
                                                 .keeps_place = true,
                                                 .counts_starts = false,
                                                 .delayed_give_back = true,
                                                 .competing_consumers = true,
                                                 .reports_unroutable = true,
                                                 .confirms_after_handling = true};

}  // namespace

struct in_process_transport::state : std::enable_shared_from_this<state> {
  explicit state(event_loop& on) : loop(on) {}

  void publish(std::uint64_t channel, std::span<const outgoing_message> messages);
  void reset(std::uint64_t channel);
  void close_channel(std::uint64_t channel);
  void settle(const std::string& in, std::uint64_t number, std::uint64_t consumer, bool done, std::chrono::milliseconds delay,
              start_counting counting);
  void cancel(std::uint64_t consumer);
  void close_consumer(std::uint64_t consumer);

  void wake();
  void pump();
  steady_time hand_out(const std::string& name, queue& from, std::vector<handover>& ready);
  std::uint64_t consumer_with_room(queue& from);
  void end(const std::shared_ptr<publication>& which, publish_outcome what);
  void fail(const std::shared_ptr<publication>& which, std::string reason);

  event_loop& loop;
  std::mutex mutex;
  std::map<std::pair<std::string, std::string>, std::set<std::string>> bindings;  ///< (exchange, routing key) to queues
  std::map<std::string, queue> queues;
  std::map<std::uint64_t, consumer_entry> consumers;
  std::map<std::uint64_t, std::shared_ptr<publisher_gate>> channels;
  std::map<std::uint64_t, std::map<std::uint64_t, std::shared_ptr<publication>>> open;  ///< channel, tag
  std::vector<outcome> outcomes;
  std::uint64_t next = 0;
  bool pump_posted = false;
  std::uint64_t timer = 0;  ///< loop thread only
  steady_time timer_at = steady_time::max();
};

namespace {

/// Settles one delivery, once.
template <class State>
class item_settlement final : public settlement {
 public:
  item_settlement(std::shared_ptr<State> with, std::string in, std::uint64_t number, std::uint64_t consumer)
      : state_(std::move(with)), queue_(std::move(in)), number_(number), consumer_(consumer) {}
  ~item_settlement() override {
    if (state_) give_back({}, start_counting::counted);
  }
  void acknowledge() noexcept override { settle(true, {}, start_counting::counted); }
  void give_back(std::chrono::milliseconds delay, start_counting counting) noexcept override { settle(false, delay, counting); }

 private:
  void settle(bool done, std::chrono::milliseconds delay, start_counting counting) noexcept {
    if (const auto state = std::exchange(state_, nullptr)) state->settle(queue_, number_, consumer_, done, delay, counting);
  }
  std::shared_ptr<State> state_;
  std::string queue_;
  std::uint64_t number_;
  std::uint64_t consumer_;
};

template <class State>
class channel_of final : public outgoing_channel {
 public:
  channel_of(std::shared_ptr<State> with, std::uint64_t number) : state_(std::move(with)), number_(number) {}
  ~channel_of() override { state_->close_channel(number_); }
  void publish(std::span<const outgoing_message> messages) override { state_->publish(number_, messages); }
  void reset() override { state_->reset(number_); }

 private:
  std::shared_ptr<State> state_;
  std::uint64_t number_;
};

template <class State>
class consumer_of final : public consumer {
 public:
  consumer_of(std::shared_ptr<State> with, std::uint64_t number) : state_(std::move(with)), number_(number) {}
  ~consumer_of() override { state_->close_consumer(number_); }
  void cancel() override { state_->cancel(number_); }
  void close() override { state_->close_consumer(number_); }

 private:
  std::shared_ptr<State> state_;
  std::uint64_t number_;
};

}  // namespace

in_process_transport::in_process_transport(event_loop& loop) : state_(std::make_shared<state>(loop)) {}
in_process_transport::~in_process_transport() = default;

const transport_features& in_process_transport::features() const noexcept { return in_process_features; }

void in_process_transport::declare(const topology& wanted) {
  const std::lock_guard lock(state_->mutex);
  for (const auto& each : wanted.queues) state_->queues[each.name].ordered = each.ordered;
  for (const auto& each : wanted.bindings) {
    state_->queues.try_emplace(each.queue);
    state_->bindings[{each.exchange, each.routing_key}].insert(each.queue);
  }
}

std::unique_ptr<outgoing_channel> in_process_transport::open_channel(publish_callback done, channel_state_callback) {
  const std::lock_guard lock(state_->mutex);
  const auto number = ++state_->next;
  auto through = std::make_shared<publisher_gate>();
  through->callback = std::move(done);
  state_->channels[number] = std::move(through);
  return std::make_unique<channel_of<state>>(state_, number);
}

std::unique_ptr<consumer> in_process_transport::subscribe(const queue_options& options, delivery_callback deliver,
                                                          consumer_state_callback) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->queues.find(options.queue);
  if (found == state_->queues.end()) throw not_found("queue_not_declared", "the queue {} is not declared", options.queue);
  const auto number = ++state_->next;
  auto& entry = state_->consumers[number];
  entry.queue = options.queue;
  entry.prefetch = std::max<std::size_t>(options.prefetch, 1);
  entry.deliver->callback = std::move(deliver);
  found->second.consumers.push_back(number);
  found->second.stopped = false;
  state_->wake();
  return std::make_unique<consumer_of<state>>(state_, number);
}

// -- publishing ---------------------------------------------------------------------------------------------------------

void in_process_transport::state::publish(std::uint64_t channel, std::span<const outgoing_message> messages) {
  const std::lock_guard lock(mutex);
  for (const auto& each : messages) {
    auto made = std::make_shared<publication>();
    made->channel = channel;
    made->tag = each.tag;
    made->message = each.message;
    made->maybe_sent = each.maybe_sent;
    open[channel][each.tag] = made;
    if (steady_now() >= each.send_before) {
      end(made, {.result = publish_result::broker_fault, .reason = "handed over too late", .untouched = true});
      continue;
    }
    const auto bound = bindings.find({each.message->exchange, each.message->routing_key});
    if (bound == bindings.end() || bound->second.empty()) {
      end(made, {.result = publish_result::unroutable, .reason = "nobody listens"});
      continue;
    }
    const auto stopped = std::ranges::find_if(bound->second, [this](const auto& name) { return queues.at(name).stopped; });
    if (stopped != bound->second.end()) {
      end(made, {.result = publish_result::broker_fault,
                 .reason = "the subscription " + *stopped + " has stopped",
                 .untouched = !each.maybe_sent});
      continue;
    }
    made->unsettled = bound->second.size();
    for (const auto& name : bound->second) queues.at(name).items[++next] = {.of = made, .redelivered = each.maybe_sent};
  }
  wake();
}

void in_process_transport::state::end(const std::shared_ptr<publication>& which, publish_outcome what) {
  if (std::exchange(which->ended, true)) return;
  const auto of_channel = open.find(which->channel);
  if (of_channel != open.end()) of_channel->second.erase(which->tag);
  const auto to = channels.find(which->channel);
  if (to != channels.end()) outcomes.push_back({.to = to->second, .tag = which->tag, .what = std::move(what)});
}

/// Ends a publication that cannot be completed; its copies leave the queues, except those in somebody's hands.
void in_process_transport::state::fail(const std::shared_ptr<publication>& which, std::string reason) {
  if (which->ended) return;
  bool in_hands = false;
  for (auto& [name, each] : queues) {
    std::erase_if(each.items, [&](const auto& entry) {
      if (entry.second.of != which) return false;
      if (entry.second.with != 0) in_hands = true;
      return entry.second.with == 0;
    });
  }
  end(which, {.result = publish_result::broker_fault,
              .reason = std::move(reason),
              .untouched = !in_hands && !which->handed_out && !which->maybe_sent});
}

void in_process_transport::state::reset(std::uint64_t channel) {
  const std::lock_guard lock(mutex);
  const auto found = open.find(channel);
  if (found == open.end()) return;
  for (const auto& [tag, each] : std::map(found->second)) fail(each, "given up by the publisher");
  wake();
}

void in_process_transport::state::close_channel(std::uint64_t channel) {
  reset(channel);
  std::shared_ptr<publisher_gate> gone;
  {
    const std::lock_guard lock(mutex);
    if (auto node = channels.extract(channel)) gone = std::move(node.mapped());
    open.erase(channel);
  }
  if (gone) gone->close();
}

// -- consuming ----------------------------------------------------------------------------------------------------------

void in_process_transport::state::settle(const std::string& in, std::uint64_t number, std::uint64_t consumer, bool done,
                                         std::chrono::milliseconds delay, start_counting counting) {
  const std::lock_guard lock(mutex);
  if (const auto by = consumers.find(consumer); by != consumers.end()) --by->second.held;
  auto& from = queues.at(in);
  const auto found = from.items.find(number);
  if (found == from.items.end() || found->second.with != consumer) return wake();
  auto& which = found->second;
  const auto of = which.of;
  which.with = 0;
  if (done || of->ended) {
    from.items.erase(found);
    if (--of->unsettled == 0) end(of, {});
    return wake();
  }
  if (counting == start_counting::uncounted) {
    --which.starts;
  } else {
    which.redelivered = true;
    of->handed_out = true;
  }
  which.visible_at = steady_now() + delay;
  if (from.consumers.empty()) fail(of, "the subscription " + in + " stops");
  wake();
}

void in_process_transport::state::cancel(std::uint64_t number) {
  std::shared_ptr<gate<delivery_callback>> gone;
  {
    const std::lock_guard lock(mutex);
    const auto found = consumers.find(number);
    if (found == consumers.end()) return;
    gone = found->second.deliver;
    auto& from = queues.at(found->second.queue);
    std::erase(from.consumers, number);
    if (from.consumers.empty()) {
      from.stopped = true;
      std::vector<std::shared_ptr<publication>> waiting;
      for (const auto& [place, each] : from.items) {
        if (each.with == 0) waiting.push_back(each.of);
      }
      for (const auto& each : waiting) fail(each, "the subscription " + found->second.queue + " stops");
    }
    wake();
  }
  gone->close();
}

void in_process_transport::state::close_consumer(std::uint64_t number) {
  cancel(number);
  const std::lock_guard lock(mutex);
  const auto found = consumers.find(number);
  if (found == consumers.end()) return;
  std::vector<std::shared_ptr<publication>> abandoned;
  for (auto& [place, each] : queues.at(found->second.queue).items) {
    if (each.with != number) continue;
    each.with = 0;
    each.redelivered = true;
    each.of->handed_out = true;
    abandoned.push_back(each.of);
  }
  if (queues.at(found->second.queue).consumers.empty()) {
    for (const auto& each : abandoned) fail(each, "the subscription " + found->second.queue + " stopped");
  }
  consumers.erase(found);
  wake();
}

// -- the pump: everything that calls out runs here, on the loop and without the lock ------------------------------------------

void in_process_transport::state::wake() {
  if (std::exchange(pump_posted, true)) return;
  loop.post([self = shared_from_this()] { self->pump(); });
}

void in_process_transport::state::pump() {
  std::vector<outcome> to_tell;
  std::vector<handover> to_hand_out;
  auto next_visible = steady_time::max();
  {
    const std::lock_guard lock(mutex);
    pump_posted = false;
    for (auto& [name, each] : queues) next_visible = std::min(next_visible, hand_out(name, each, to_hand_out));
    to_tell = std::exchange(outcomes, {});
  }
  for (auto& each : to_tell) each.to->call(each.tag, each.what);
  for (auto& each : to_hand_out) {
    each.to->call(std::move(each.what));
    if (each.what.settle) each.what.settle->give_back({}, start_counting::uncounted);  // its consumer closed meanwhile
  }
  if (next_visible == timer_at) return;
  if (timer != 0) loop.cancel_timer(std::exchange(timer, 0));
  timer_at = next_visible;
  if (timer_at == steady_time::max()) return;
  timer = loop.add_timer(timer_at, [self = shared_from_this()] {
    self->timer = 0;
    self->timer_at = steady_time::max();
    self->pump();
  });
}

std::uint64_t in_process_transport::state::consumer_with_room(queue& from) {
  for (std::size_t i = 0; i < from.consumers.size(); ++i) {
    const auto number = from.consumers[from.next_consumer++ % from.consumers.size()];
    const auto& entry = consumers.at(number);
    if (entry.held < entry.prefetch) return number;
  }
  return 0;
}

/// Hands out what may be; returns when the next delayed item becomes visible.
steady_time in_process_transport::state::hand_out(const std::string& name, queue& from, std::vector<handover>& ready) {
  auto next_visible = steady_time::max();
  if (from.consumers.empty()) return next_visible;
  const auto now = steady_now();
  std::set<std::string_view> busy;  // ordered: keys with an earlier item out or waiting
  for (auto& [number, each] : from.items) {
    const auto& key = each.of->message->key;
    const bool keyed = from.ordered && !key.empty();
    const bool blocked = keyed && !busy.insert(key).second;
    if (each.with != 0 || blocked) continue;
    if (each.visible_at > now) {
      next_visible = std::min(next_visible, each.visible_at);
      continue;
    }
    const auto to = consumer_with_room(from);
    if (to == 0) break;
    auto& entry = consumers.at(to);
    ++entry.held;
    each.with = to;
    ++each.starts;
    ready.push_back({.to = entry.deliver,
                     .what = {.message = each.of->message,
                              .redelivered = each.redelivered,
                              .starts = each.starts,
                              .settle = std::make_unique<item_settlement<state>>(shared_from_this(), name, number, to)}});
  }
  return next_visible;
}

}  // namespace mamey::inline v1
