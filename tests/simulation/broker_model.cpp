#include "broker_model.hpp"

#include <algorithm>

#include "consumer_process.hpp"
#include "relay_process.hpp"

namespace mamey::simulation {

std::uint64_t broker_model::open_channel(relay_process& owner) {
  channels_[++next_channel_] = {.owner = &owner};
  return next_channel_;
}

void broker_model::close_channel(std::uint64_t number) { channels_.erase(number); }

void broker_model::publish(std::uint64_t on, const outgoing_message& message) {
  auto& through = channels_.at(on);
  auto& random = world_.time.random;
  const auto tag = message.tag;
  through.unconfirmed.insert(tag);
  const auto latency = random.between(100us, 5ms);
  if (down_ || world_.hits(world_.settings.broker_trouble / 2)) {  // refused at the door
    world_.time.after(latency, [this, on, tag] { answer(on, tag, relay_event::broker_fault, "unreachable", true); });
    return;
  }
  if (world_.hits(world_.settings.broker_trouble / 4)) return;  // swallowed: only the confirm timeout tells
  through.last_arrival = std::max(through.last_arrival + 1us, world_.time.now() + latency);
  ++in_transit_;
  world_.time.after(through.last_arrival - world_.time.now(), [this, on, tag, copy = message.message] {
    --in_transit_;
    arrive(on, tag, copy);
  });
}

void broker_model::arrive(std::uint64_t on, std::uint64_t tag, const std::shared_ptr<const envelope>& message) {
  auto& random = world_.time.random;
  const bool gone = !channels_.contains(on);
  if (gone && random.hits(0.5)) return;  // what a closed channel still carries may arrive or not
  const auto latency = random.between(100us, 5ms);
  const auto reply = [&](relay_event event, std::string reason = {}) {
    world_.time.after(latency, [this, on, tag, event, reason] { answer(on, tag, event, reason); });
  };
  const auto what = world_.book.at(message->id).what;
  if (what == fate::refused_by_the_broker) return reply(relay_event::refused, "too large");
  if (what == fate::has_no_listener) return reply(relay_event::unroutable);
  const auto& entry = world_.book.at(message->id);
  if (entry.to_full_queue && world_.chaos()) return reply(relay_event::nacked, "full");
  if (world_.hits(world_.settings.broker_trouble / 4)) return reply(relay_event::nacked, "nack");
  constexpr span bound = 500ms;
  if (world_.settings.calm && !entry.to_full_queue && !world_.settings.ordered && world_.time.now() > entry.committed_at + bound)
    world_.violate(message->id + " waited behind messages to a full queue");
  enqueue(message);
  if (world_.hits(world_.settings.duplicate)) enqueue(message);
  if (world_.hits(world_.settings.broker_trouble / 4)) return;  // it arrived; the confirm is lost
  if (world_.hits(world_.settings.broker_trouble / 4)) return reply(relay_event::broker_fault, "channel lost after the publish");
  reply(relay_event::confirmed);
}

void broker_model::answer(std::uint64_t on, std::uint64_t tag, relay_event event, std::string reason, bool untouched) {
  const auto found = channels_.find(on);
  if (found == channels_.end() || found->second.unconfirmed.erase(tag) == 0) return;
  found->second.owner->tell({.event = event, .tag = tag, .reason = std::move(reason), .untouched = untouched});
}

void broker_model::enqueue(const std::shared_ptr<const envelope>& message) {
  ++world_.book.at(message->id).copies;
  queue_[++next_item_] = {.message = message};
  world_.time.after(world_.time.random.between(50us, 3ms), [this] { pump(); });
}

std::uint64_t broker_model::connect(consumer_process& consumer) {
  connections_[++next_connection_] = &consumer;
  world_.time.after(100us, [this] { pump(); });
  return next_connection_;
}

void broker_model::disconnect(std::uint64_t connection) {
  connections_.erase(connection);
  for (auto& [number, each] : queue_) {
    if (each.with != connection) continue;
    each.with = 0;
    each.redelivered = true;
  }
  world_.time.after(world_.time.random.between(1ms, 20ms), [this] { pump(); });
}

void broker_model::acknowledge(std::uint64_t connection, std::uint64_t number) {
  const auto found = queue_.find(number);
  if (found == queue_.end() || found->second.with != connection || !connections_.contains(connection)) return;  // of an earlier connection
  queue_.erase(found);
  pump();
}

void broker_model::give_back(std::uint64_t connection, std::uint64_t number, span delay, start_counting counting) {
  const auto found = queue_.find(number);
  if (found == queue_.end() || found->second.with != connection || !connections_.contains(connection)) return;
  found->second.with = 0;
  found->second.redelivered = true;
  if (counting == start_counting::uncounted && found->second.starts > 0) --found->second.starts;
  found->second.visible_at = world_.time.now() + delay;
  world_.time.after(delay + 1us, [this] { pump(); });
}

std::map<std::uint64_t, broker_model::item>::iterator broker_model::next_for(std::uint64_t connection) {
  const auto now = world_.time.now();
  if (!world_.settings.ordered) {
    std::vector<std::map<std::uint64_t, item>::iterator> visible;
    for (auto at = queue_.begin(); at != queue_.end() && visible.size() < 4; ++at) {
      if (at->second.with == 0 && at->second.visible_at <= now) visible.push_back(at);
    }
    return visible.empty() ? queue_.end() : visible[world_.time.random.below(visible.size())];
  }
  if (connections_.begin()->first != connection) return queue_.end();  // single active consumer
  std::set<std::string> busy;
  for (auto at = queue_.begin(); at != queue_.end(); ++at) {
    const auto& key = at->second.message->key;
    if (at->second.with == 0 && at->second.visible_at <= now && !busy.contains(key)) return at;
    busy.insert(key);
  }
  return queue_.end();
}

void broker_model::pump() {
  for (auto& [connection, consumer] : connections_) {  // taking only schedules, so the connections stay
    while (consumer->has_room()) {
      const auto next = next_for(connection);
      if (next == queue_.end()) break;
      next->second.with = connection;
      ++next->second.starts;
      const int starts = world_.settings.counts_starts || world_.settings.ordered ? next->second.starts : 0;
      consumer->take({.item = next->first, .message = next->second.message, .redelivered = next->second.redelivered, .starts = starts});
    }
  }
}

void broker_model::set_down(bool down) {
  down_ = down;
  for (auto& [number, each] : std::map(channels_)) each.owner->tell({.event = down ? relay_event::down : relay_event::ready, .reason = {}});
}

void broker_model::set_blocked(bool blocked) {
  blocked_ = blocked;
  for (auto& [number, each] : std::map(channels_))
    each.owner->tell({.event = blocked ? relay_event::blocked : relay_event::ready, .reason = {}});
}

void broker_model::break_a_consumer(bool cancelled) {
  if (connections_.empty()) return;
  auto at = connections_.begin();
  std::advance(at, static_cast<std::ptrdiff_t>(world_.time.random.below(connections_.size())));
  auto* const consumer = at->second;
  disconnect(at->first);
  consumer->connection_lost(cancelled);
}

}  // namespace mamey::simulation
