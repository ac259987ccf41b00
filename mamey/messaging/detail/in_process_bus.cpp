#include <mamey/messaging/detail/in_process_bus.hpp>

#include <algorithm>

#include <mamey/core/error.hpp>
#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1::detail {

namespace {

/// Settles one delivery, once.
class item_settlement final : public settlement {
 public:
  item_settlement(std::shared_ptr<in_process_bus> bus, std::string in, std::uint64_t number, std::uint64_t consumer)
      : bus_(std::move(bus)), queue_(std::move(in)), number_(number), consumer_(consumer) {}
  ~item_settlement() override { settle({}); }
  void acknowledge() noexcept override { settle({.done = true}); }
  void give_back(std::chrono::milliseconds delay, start_counting counting) noexcept override {
    settle({.delay = delay, .counting = counting});
  }

 private:
  void settle(const in_process_bus::settled& how) noexcept {
    if (const auto bus = std::exchange(bus_, nullptr)) bus->settle(queue_, number_, consumer_, how);
  }
  std::shared_ptr<in_process_bus> bus_;
  std::string queue_;
  std::uint64_t number_;
  std::uint64_t consumer_;
};

}  // namespace

void in_process_bus::declare(const topology& wanted) {
  const std::lock_guard lock(mutex_);
  for (const auto& each : wanted.queues) queues_[each.name].ordered = each.ordered;
  for (const auto& each : wanted.bindings) {
    queues_.try_emplace(each.queue);
    bindings_[{each.exchange, each.routing_key}].insert(each.queue);
  }
}

// -- publishing ---------------------------------------------------------------------------------------------------------

std::uint64_t in_process_bus::open_channel(publish_callback done) {
  const std::lock_guard lock(mutex_);
  channels_[++next_] = std::make_shared<publisher_gate>(std::move(done));
  return next_;
}

void in_process_bus::publish(std::uint64_t channel, std::span<const outgoing_message> messages) {
  const std::lock_guard lock(mutex_);
  for (const auto& each : messages) {
    auto made = std::make_shared<publication>();
    made->channel = channel;
    made->tag = each.tag;
    made->message = each.message;
    made->maybe_sent = each.maybe_sent;
    open_[channel][each.tag] = made;
    accept(made, each.send_before);
  }
  wake();
}

void in_process_bus::accept(const publication_ptr& made, steady_time send_before) {
  if (steady_now() >= send_before) {
    return end(made, {.result = publish_result::broker_fault, .reason = "handed over too late", .untouched = !made->maybe_sent});
  }
  const auto bound = bindings_.find({made->message->exchange, made->message->routing_key});
  if (bound == bindings_.end() || bound->second.empty())
    return end(made, {.result = publish_result::unroutable, .reason = "nobody listens"});
  for (const auto& name : bound->second) {
    if (!queues_.at(name).stopped) continue;
    return end(
        made,
        {.result = publish_result::broker_fault, .reason = "the subscription " + name + " has stopped", .untouched = !made->maybe_sent});
  }
  made->unsettled = bound->second.size();
  for (const auto& name : bound->second) queues_.at(name).items[++next_] = {.of = made, .redelivered = made->maybe_sent};
}

void in_process_bus::end(const publication_ptr& which, publish_outcome what) {
  if (std::exchange(which->ended, true)) return;
  if (const auto of_channel = open_.find(which->channel); of_channel != open_.end()) of_channel->second.erase(which->tag);
  const auto to = channels_.find(which->channel);
  if (to != channels_.end()) outcomes_.push_back({.to = to->second, .tag = which->tag, .what = std::move(what)});
}

/// Ends a publication that cannot be completed; its copies leave the queues, except those in somebody's hands.
void in_process_bus::fail(const publication_ptr& which, const std::string& reason) {
  if (which->ended) return;
  bool in_hands = false;
  for (auto& [name, each] : queues_) {
    std::erase_if(each.items, [&](const auto& entry) {
      if (entry.second.of != which) return false;
      in_hands = in_hands || entry.second.with != 0;
      return entry.second.with == 0;
    });
  }
  const bool untouched = !in_hands && !which->handed_out && !which->maybe_sent;
  end(which, {.result = publish_result::broker_fault, .reason = reason, .untouched = untouched});
}

void in_process_bus::fail_waiting(queue& in, const std::string& reason) {
  std::vector<publication_ptr> waiting;
  for (const auto& [place, each] : in.items) {
    if (each.with == 0) waiting.push_back(each.of);
  }
  for (const auto& each : waiting) fail(each, reason);
}

void in_process_bus::reset(std::uint64_t channel) {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(channel);
  if (found == open_.end()) return;
  for (const auto& [tag, each] : std::map(found->second)) fail(each, "given up by the publisher");
  wake();
}

void in_process_bus::close_channel(std::uint64_t channel) {
  reset(channel);
  std::shared_ptr<publisher_gate> gone;
  {
    const std::lock_guard lock(mutex_);
    if (auto node = channels_.extract(channel)) gone = std::move(node.mapped());
    open_.erase(channel);
  }
  if (gone) gone->close();
}

// -- consuming ----------------------------------------------------------------------------------------------------------

std::uint64_t in_process_bus::subscribe(const queue_options& options, delivery_callback deliver) {
  const std::lock_guard lock(mutex_);
  const auto found = queues_.find(options.queue);
  if (found == queues_.end()) throw not_found("queue_not_declared", "the queue {} is not declared", options.queue);
  consumers_[++next_] = {.queue = options.queue,
                         .prefetch = std::max<std::size_t>(options.prefetch, 1),
                         .deliver = std::make_shared<consumer_gate>(std::move(deliver))};
  found->second.consumers.push_back(next_);
  found->second.stopped = false;
  wake();
  return next_;
}

void in_process_bus::settle(const std::string& in, std::uint64_t number, std::uint64_t consumer, const settled& how) {
  const std::lock_guard lock(mutex_);
  wake();
  if (const auto by = consumers_.find(consumer); by != consumers_.end()) --by->second.held;
  auto& from = queues_.at(in);
  const auto found = from.items.find(number);
  if (found == from.items.end() || found->second.with != consumer) return;
  auto& which = found->second;
  const auto of = which.of;
  which.with = 0;
  if (how.done || of->ended) {
    from.items.erase(found);
    if (--of->unsettled == 0) end(of, {});
    return;
  }
  if (how.counting == start_counting::uncounted) {
    --which.starts;
  } else {
    which.redelivered = of->handed_out = true;
  }
  which.visible_at = steady_now() + how.delay;
  if (from.consumers.empty()) fail(of, "the subscription " + in + " stops");
}

void in_process_bus::cancel(std::uint64_t number) {
  std::shared_ptr<consumer_gate> gone;
  {
    const std::lock_guard lock(mutex_);
    const auto found = consumers_.find(number);
    if (found == consumers_.end()) return;
    gone = found->second.deliver;
    auto& from = queues_.at(found->second.queue);
    std::erase(from.consumers, number);
    from.stopped = from.consumers.empty();
    if (from.stopped) fail_waiting(from, "the subscription " + found->second.queue + " stops");
    wake();
  }
  gone->close();
}

void in_process_bus::close_consumer(std::uint64_t number) {
  cancel(number);
  const std::lock_guard lock(mutex_);
  const auto found = consumers_.find(number);
  if (found == consumers_.end()) return;
  auto& from = queues_.at(found->second.queue);
  for (auto& [place, each] : from.items) {
    if (each.with != number) continue;
    each.with = 0;
    each.redelivered = each.of->handed_out = true;
  }
  if (from.consumers.empty()) fail_waiting(from, "the subscription " + found->second.queue + " has stopped");
  consumers_.erase(found);
  wake();
}

// -- the pump -------------------------------------------------------------------------------------------------------------

void in_process_bus::wake() {
  if (std::exchange(pump_posted_, true)) return;
  loop_.post([self = shared_from_this()] { self->pump(); });
}

void in_process_bus::pump() {
  std::vector<outcome> to_tell;
  std::vector<handover> to_hand_out;
  auto next_visible = steady_time::max();
  {
    const std::lock_guard lock(mutex_);
    pump_posted_ = false;
    for (auto& [name, each] : queues_) next_visible = std::min(next_visible, hand_out(name, each, to_hand_out));
    to_tell = std::exchange(outcomes_, {});
  }
  for (auto& each : to_tell) each.to->call(each.tag, each.what);
  for (auto& each : to_hand_out) {
    each.to->call(std::move(each.what));
    if (each.what.settle) each.what.settle->give_back({}, start_counting::uncounted);  // its consumer closed meanwhile
  }
  set_timer(next_visible);
}

void in_process_bus::set_timer(steady_time at) {
  if (at == timer_at_) return;
  if (timer_ != 0) loop_.cancel_timer(std::exchange(timer_, 0));
  timer_at_ = at;
  if (at == steady_time::max()) return;
  timer_ = loop_.add_timer(at, [self = shared_from_this()] {
    self->timer_ = 0;
    self->timer_at_ = steady_time::max();
    self->pump();
  });
}

std::uint64_t in_process_bus::consumer_with_room(queue& from) {
  for (std::size_t i = 0; i < from.consumers.size(); ++i) {
    const auto number = from.consumers[from.next_consumer++ % from.consumers.size()];
    const auto& entry = consumers_.at(number);
    if (entry.held < entry.prefetch) return number;
  }
  return 0;
}

/// Hands out what may be; returns when the next delayed item becomes visible.
steady_time in_process_bus::hand_out(const std::string& name, queue& from, std::vector<handover>& ready) {
  auto next_visible = steady_time::max();
  if (from.consumers.empty()) return next_visible;
  const auto now = steady_now();
  std::set<std::string_view> busy;  // ordered: keys with an earlier item out or waiting
  for (auto& [number, each] : from.items) {
    const auto& key = each.of->message->key;
    const bool blocked = from.ordered && !key.empty() && !busy.insert(key).second;
    if (each.with != 0 || blocked) continue;
    if (each.visible_at > now) {
      next_visible = std::min(next_visible, each.visible_at);
      continue;
    }
    const auto to = consumer_with_room(from);
    if (to == 0) break;
    auto& entry = consumers_.at(to);
    ++entry.held;
    each.with = to;
    ++each.starts;
    ready.push_back({.to = entry.deliver,
                     .what = {.message = each.of->message,
                              .redelivered = each.redelivered,
                              .starts = each.starts,
                              .settle = std::make_unique<item_settlement>(shared_from_this(), name, number, to)}});
  }
  return next_visible;
}

}  // namespace mamey::inline v1::detail
