#include <mamey/messaging/rabbitmq/detail/subscriber.hpp>

#include <algorithm>
#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/messaging/rabbitmq/detail/delay_queues.hpp>
#include <mamey/messaging/rabbitmq/detail/topology_keeper.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/fiber.hpp>

namespace mamey::inline v1::rabbitmq_detail {

namespace {

const logger log{"mamey.messaging.rabbitmq"};

}  // namespace

subscriber::subscriber(std::shared_ptr<broker_link> link, wire_format format, const rabbitmq_options& options, queue_options what,
                       std::shared_ptr<counters> counted, std::shared_ptr<starts> known_starts, std::shared_ptr<set_aside> aside,
                       delivery_callback deliver, consumer_state_callback changed)
    : link_(std::move(link)),
      format_(std::move(format)),
      options_(options),
      what_(std::move(what)),
      counted_(std::move(counted)),
      starts_(std::move(known_starts)),
      aside_(std::move(aside)),
      deliver_(std::move(deliver)),
      changed_(std::move(changed)),
      tag_("mamey-" + uuid::v7().to_compact_string()) {}

void subscriber::start() {
  const auto until = steady_now() + options_.continuation_timeout;
  link_->await_open(until);
  link_->post([self = shared_from_this()](broker_link& link) {
    self->channel_ = link.open_channel(self);
    if (self->channel_ == 0) {
      self->end(consumer_state::closed, link.is_open() ? "the broker grants no further channel" : "no connection");
      return;
    }
    auto most = std::min<std::size_t>(std::max<std::size_t>(self->what_.prefetch, 1), 65'535);
    if (self->options_.qos.prefetch_count > 0) most = std::min(most, static_cast<std::size_t>(self->options_.qos.prefetch_count));
    auto& amqp = link.amqp();
    amqp.limit_unacknowledged(self->channel_, 0, static_cast<std::uint16_t>(most), self->options_.qos.global);
    amqp.consume(self->channel_, self->what_.queue, self->tag_);
  });
  const bool answered = started_.try_acquire_until(until);
  const std::lock_guard lock(answer_);
  if (answered && refused_reason_.empty()) return;
  deliver_.close();
  changed_.close();
  if (!answered) {
    link_->post([self = shared_from_this()](broker_link& link) {
      if (self->alive()) link.amqp().close_channel(std::exchange(self->channel_, std::uint16_t{0}));
    });
    throw unavailable("rabbitmq_timeout", "RabbitMQ did not start the consumer of {} in {} ms", what_.queue,
                      options_.continuation_timeout.count());
  }
  if (refused_code_ == not_found_code)
    throw not_found("queue_not_declared", "the queue {} is not declared: {}", what_.queue, refused_reason_);
  throw unavailable("rabbitmq_refused", "RabbitMQ does not let us consume {}: {}", what_.queue, refused_reason_);
}

void subscriber::cancel() {
  deliver_.close();
  link_->post([self = shared_from_this()](broker_link& link) {
    if (std::exchange(self->cancelled_, true) || !self->alive()) return;
    // The one active consumer of an ordered queue stays it until `close`: the next would start followers while a head is still at work here.
    // The broker puts everything back into its place when the channel closes.
    if (self->consuming_ && !self->what_.ordered) link.amqp().cancel(self->channel_, self->tag_);
  });
}

void subscriber::close() {
  cancel();
  changed_.close();
  const masked_section masked;
  link_->post([self = shared_from_this()](broker_link& link) {
    self->take_verdicts();
    if (!self->alive()) return self->closed_.release();
    self->closing_ = true;
    if (self->on_its_way_.empty()) return self->close_channel();
    link.loop().add_timer(steady_now() + self->options_.continuation_timeout / 2, [self] { self->close_channel(); });
  });
  if (!closed_.try_acquire_until(steady_now() + options_.continuation_timeout))
    log.warning("the consumer of {queue} did not close in time", what_.queue);
}

// -- deliveries -----------------------------------------------------------------------------------------------------------

void subscriber::on_event(amqp_event&& event) {
  switch (event.type) {
    case amqp_event_type::answered:
      if (event.method != amqp_method::basic_consume_ok) return;
      consuming_ = true;
      return started_.release();
    case amqp_event_type::delivered: {
      out_.delivered(event.delivery_tag);
      counted_->delivered += 1;
      if (cancelled_) {
        if (!what_.ordered) give_back(event.delivery_tag);
        return;
      }
      held next{.delivery_tag = event.delivery_tag, .message = {}, .redelivered = event.redelivered, .too_large = event.truncated};
      auto message = from_wire(std::move(event.properties), std::move(event.body), event.exchange, event.routing_key, format_);
      next.earlier_starts = take_starts(message);
      next.message = std::make_shared<const envelope>(std::move(message));
      const auto& known = held_[event.delivery_tag] = std::move(next);
      const auto& key = known.message->key;
      if (!what_.ordered || key.empty() || lanes_.enter(event.delivery_tag, key)) hand_out(event.delivery_tag);
      return;
    }
    case amqp_event_type::consumer_cancelled:
      log.warning("the broker cancelled the consumer of {queue}: the queue is gone, with what was in it", what_.queue);
      if (alive()) link_->amqp().close_channel(channel_);
      return end(consumer_state::cancelled_by_broker, "the broker cancelled the consumer: its queue is gone");
    case amqp_event_type::channel_closed: {
      channel_ = 0;
      const std::string reason = event.code == 0 ? "closed" : std::to_string(event.code) + ' ' + event.text;
      {
        const std::lock_guard lock(answer_);
        refused_code_ = event.code;
      }
      if (event.code != 0) log.warning("the broker closed the channel of {queue}: {reason}", what_.queue, reason);
      end(consumer_state::closed, reason);
      return closed_.release();
    }
    default:
      return;
  }
}

void subscriber::on_lost(std::string_view reason) {
  channel_ = 0;
  end(consumer_state::closed, reason);
  closed_.release();
}

void subscriber::end(consumer_state how, std::string_view reason) {
  counted_->too_large_kept -= too_large_.size();
  too_large_.clear();
  lanes_.clear();
  held_.clear();
  on_its_way_.clear();
  if (std::exchange(ended_, true)) return;
  if (consuming_) {
    changed_.call(how, reason);
    return;
  }
  {
    const std::lock_guard lock(answer_);
    refused_reason_ = reason.empty() ? "closed" : std::string(reason);
  }
  started_.release();
}

void subscriber::hand_out(std::uint64_t delivery_tag) {
  const auto known = held_.find(delivery_tag);
  if (known == held_.end()) return;
  const auto& which = known->second;
  if (which.too_large) return refuse_too_large(which);
  const bool counts = !which.message->id.empty() || !what_.delays.empty();
  delivery next{.message = which.message,
                .redelivered = which.redelivered || which.earlier_starts > 0,
                .starts = counts ? which.earlier_starts + starts_->of(what_.queue, which.message->id) + 1 : 0,
                .settle = std::make_unique<amqp_settlement>(weak_from_this(), which.delivery_tag)};
  if (!deliver_.call(std::move(next)) && next.settle) next.settle->give_back({}, start_counting::uncounted);  // closed meanwhile
}

/// Its body is not here, so nobody can handle it, and who acknowledged it would lose it. The broker moves it aside where the queue says so. Else it
/// stays in its queue: unsettled, a place of the prefetch less, until this consumer ends or the broker's patience with it is half over.
void subscriber::refuse_too_large(const held& which) {
  const auto tag = which.delivery_tag;
  counted_->too_large += 1;
  if (options_.queue.park_too_large) {
    log.error("a message of {queue} is larger than rabbitMq.maxMessageBytes and goes to {aside}; id {id}", what_.queue,
              topology_keeper::too_large_queue_of(what_.queue), which.message->id);
    if (!out_.given_back(tag)) return;
    link_->amqp().reject(channel_, tag);
    held_.erase(tag);
    return leave_lane(tag);
  }
  log.error("a message of {queue} is larger than rabbitMq.maxMessageBytes and stays in its queue; id {id}", what_.queue, which.message->id);
  too_large_.insert(tag);
  counted_->too_large_kept += 1;
  if (lanes_.holds(tag)) return;  // given back it would let its followers pass
  later(options_.queue.consumer_timeout, [tag](subscriber& self) { self.give_back(tag); });
}

// -- settlements ----------------------------------------------------------------------------------------------------------

void subscriber::settle(const verdict& how) noexcept {
  if (!verdicts_.add(how)) return;
  link_->post([self = shared_from_this()](broker_link&) { self->take_verdicts(); });
}

void subscriber::take_verdicts() {
  const auto taken = verdicts_.take();
  if (!alive()) {
    counted_->stale_settlements += taken.size();
    return;
  }
  for (const auto& each : taken) carry_out(each);
  acknowledge_due();
}

void subscriber::acknowledge_due() {
  for (const auto& each : out_.take()) link_->amqp().acknowledge(channel_, each.delivery_tag, each.multiple);
}

/// Whatever is unsettled comes again.
void subscriber::close_channel() {
  if (!alive() || ended_ || std::exchange(leaving_, true)) return;
  acknowledge_due();
  link_->amqp().close_channel(channel_);
  link_->post([](broker_link&) {});
}

void subscriber::carry_out(const verdict& how) {
  if (how.done) {
    if (!out_.acknowledge(how.delivery_tag)) return;
    counted_->acknowledged += 1;
    if (const auto known = held_.extract(how.delivery_tag)) starts_->end(what_.queue, known.mapped().message->id);
    return leave_lane(how.delivery_tag);
  }
  const auto known = held_.find(how.delivery_tag);
  if (known != held_.end() && how.counting == start_counting::counted && !known->second.message->id.empty())
    starts_->add(what_.queue, known->second.message->id);
  if (what_.ordered && cancelled_) return;  // see `cancel`
  if (known != held_.end() && lanes_.holds(how.delivery_tag)) {
    // Ordered: it keeps its place, which the broker would not promise. It stays ours, and comes again from here.
    known->second.redelivered = true;
    return later(how.delay, [tag = how.delivery_tag](subscriber& self) { self.hand_out(tag); });
  }
  if (!delay_at_broker(how)) give_back_later(how.delivery_tag, how.delay);
}

void subscriber::give_back_later(std::uint64_t delivery_tag, std::chrono::milliseconds delay) {
  if (delay.count() <= 0 || cancelled_) return give_back(delivery_tag);
  later(delay, [delivery_tag](subscriber& self) {
    self.give_back(delivery_tag);
    self.acknowledge_due();
  });
}

/// First the copy in the delay queue, then the acknowledgement: between the two there may be two of it, never none.
bool subscriber::delay_at_broker(const verdict& how) {
  const auto wait = fixed_wait(what_.delays, how.delay);
  const auto known = held_.find(how.delivery_tag);
  if (!wait || known == held_.end()) return false;
  const auto& message = *known->second.message;
  const int starts = known->second.earlier_starts +
                     (message.id.empty() ? int{how.counting == start_counting::counted} : starts_->of(what_.queue, message.id));
  on_its_way_.insert(how.delivery_tag);
  aside_->put(as_waiting(message, delay_queue_of(what_.queue, *wait), starts), [weak = weak_from_this(), how](bool kept) {
    if (const auto self = weak.lock()) self->delayed(how.delivery_tag, how.delay, kept);
  });
  return true;
}

void subscriber::delayed(std::uint64_t delivery_tag, std::chrono::milliseconds delay, bool kept) {
  if (!alive() || ended_ || on_its_way_.erase(delivery_tag) == 0) return;  // of a channel that is gone: the original comes again
  if (!kept) {
    give_back_later(delivery_tag, delay);
  } else if (out_.acknowledge(delivery_tag)) {
    if (const auto known = held_.extract(delivery_tag)) starts_->end(what_.queue, known.mapped().message->id);
  }
  acknowledge_due();
  if (closing_ && on_its_way_.empty()) return close_channel();
  link_->post([](broker_link&) {});
}

void subscriber::leave_lane(std::uint64_t delivery_tag) {
  const auto next = lanes_.leave(delivery_tag);
  if (next && !cancelled_) hand_out(*next);
}

void subscriber::give_back(std::uint64_t delivery_tag) {
  if (!out_.given_back(delivery_tag)) return;
  counted_->too_large_kept -= too_large_.erase(delivery_tag);
  held_.erase(delivery_tag);
  counted_->given_back += 1;
  link_->amqp().requeue(channel_, delivery_tag);
}

/// A delivery that waits stays unsettled at the broker, within the prefetch; should the channel go, it comes again earlier.
void subscriber::later(std::chrono::milliseconds delay, std::function<void(subscriber&)> work) {
  if (delay.count() <= 0) return work(*this);
  const auto longest = options_.queue.consumer_timeout / 2;
  link_->loop().add_timer(steady_now() + std::min(delay, longest), [weak = weak_from_this(), work = std::move(work)] {
    const auto self = weak.lock();
    if (!self || !self->alive() || self->ended_) return;
    work(*self);
    self->link_->post([](broker_link&) {});
  });
}

}  // namespace mamey::inline v1::rabbitmq_detail
