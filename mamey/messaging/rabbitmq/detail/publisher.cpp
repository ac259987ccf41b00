#include <mamey/messaging/rabbitmq/detail/publisher.hpp>

#include <algorithm>
#include <utility>

#include <mamey/observability/log.hpp>

namespace mamey::inline v1::rabbitmq_detail {

namespace {

const logger log{"mamey.messaging.rabbitmq"};
/// `no exchange 'orders' in vhost '/'` ⇒ `orders`. Names have no end but the words behind them.
std::string first_quoted(const std::string& text) {
  const auto begin = text.find('\'');
  const auto end = text.find("' in vhost '", begin);
  return begin == std::string::npos || end == std::string::npos ? std::string() : text.substr(begin + 1, end - begin - 1);
}

constexpr std::size_t most_unwritten = 4U << 20;  // bytes: beyond it messages wait as envelopes

}  // namespace

publisher::publisher(std::shared_ptr<broker_link> link, std::shared_ptr<topology_keeper> topology, wire_format format,
                     const rabbitmq_options& options, std::shared_ptr<counters> counted, publish_callback done,
                     channel_state_callback changed)
    : link_(std::move(link)),
      topology_(std::move(topology)),
      format_(std::move(format)),
      options_(options),
      counted_(std::move(counted)),
      done_(std::move(done)),
      changed_(std::move(changed)),
      window_(static_cast<std::size_t>(options.publish_window)) {}

// -- any thread -----------------------------------------------------------------------------------------------------------

void publisher::start() {
  link_->post([self = shared_from_this()](broker_link& link) {
    link.observe(self);
    if (link.is_open())
      self->open();
    else
      self->tell(channel_state::down, link.trouble());
  });
}

void publisher::publish(std::span<const outgoing_message> messages) {
  {
    const std::lock_guard lock(mutex_);
    incoming_.insert(incoming_.end(), messages.begin(), messages.end());
    if (incoming_.empty() || std::exchange(posted_, true)) return;
  }
  link_->post([self = shared_from_this()](broker_link&) {
    self->take_incoming();
    self->pump();
  });
}

void publisher::reset() {
  std::vector<outgoing_message> dropped;
  {
    const std::lock_guard lock(mutex_);
    dropped.swap(incoming_);
  }
  link_->post([self = shared_from_this(), dropped = std::move(dropped)](broker_link& link) {
    for (const auto& each : dropped) self->end(each, publish_result::broker_fault, "given up by the publisher");
    self->end_pending("given up by the publisher");
    if (self->window_.in_flight() == 0) return;
    self->end_all(self->window_.give_up("given up by the publisher"));
    // Late confirms belong to the channel that is left behind.
    if (self->channel_ != 0 && link.is_open()) link.amqp().close_channel(std::exchange(self->channel_, std::uint16_t{0}));
    if (link.is_open()) self->open();
  });
}

void publisher::close() {
  done_.close();
  changed_.close();
  link_->post([self = shared_from_this()](broker_link& link) {
    self->closed_ = true;
    self->pending_.clear();
    if (self->channel_ != 0 && link.is_open()) link.amqp().close_channel(std::exchange(self->channel_, std::uint16_t{0}));
    self->state_ = state::down;
  });
}

// -- the channel ----------------------------------------------------------------------------------------------------------

void publisher::on_up() { open(); }

/// What was declared may be gone with the broker that was lost: it comes first, or events would find nobody bound.
void publisher::open() {
  if (closed_) return;
  state_ = state::opening;
  link_->loop().add_timer(steady_now() + options_.continuation_timeout, [weak = weak_from_this(), number = opening_ + 1] {
    const auto self = weak.lock();
    if (self && !self->closed_ && self->state_ == state::opening && self->opening_ == number && self->link_->is_open())
      self->link_->drop("the broker did not open a publishing channel in time");
  });
  topology_->declare_again(*link_, [self = shared_from_this(), number = ++opening_] { self->open_channel(number); });
}

void publisher::open_channel(std::uint64_t number) {
  if (closed_ || number != opening_ || !link_->is_open()) return;
  channel_ = link_->open_channel(shared_from_this());
  if (channel_ == 0) {
    log.error("the broker grants no further channel to publish");  // the timer of `open` begins anew
    return;
  }
  link_->amqp().select_confirms(channel_);
  link_->post([](broker_link&) {});  // written with this turn of the loop
}

/// What is missing does not come the sooner for being asked for.
void publisher::open_later() {
  constexpr std::chrono::milliseconds shortest{250};
  const auto pause = std::min(shortest * (1 << std::min(missed_++, 10)), std::max(options_.network_recovery_interval, shortest));
  link_->loop().add_timer(steady_now() + pause, [weak = weak_from_this(), number = opening_] {
    const auto self = weak.lock();
    if (self && !self->closed_ && number == self->opening_ && self->link_->is_open()) self->open();
  });
}

void publisher::on_event(amqp_event&& event) {
  if (event.channel != channel_) return;  // of a channel left behind
  switch (event.type) {
    case amqp_event_type::answered:
      if (event.method != amqp_method::confirm_select_ok) return;
      state_ = state::ready;
      tell(link_->is_blocked() ? channel_state::blocked : channel_state::ready, {});
      return;
    case amqp_event_type::returned:
      topology_->note_unroutable(event.exchange);
      return window_.returned(event.properties.message_id, event.code, event.text);
    case amqp_event_type::confirmed:
      last_closing_.clear();
      missed_ = 0;
      return end_all(window_.settled(event.delivery_tag, event.multiple, true));
    case amqp_event_type::refused:
      return end_all(window_.settled(event.delivery_tag, event.multiple, false));
    case amqp_event_type::channel_closed: {
      channel_ = 0;
      auto reason = std::to_string(event.code) + ' ' + event.text;
      const bool over_a_publish = event.method == amqp_method::basic_publish;
      const auto remedy =
          over_a_publish && event.code == not_found_code ? topology_->missing_while_publishing(first_quoted(event.text)) : std::string();
      if (!remedy.empty()) reason += "; " + remedy;
      if (reason != last_closing_) log.warning("the broker closed a publishing channel: {reason}", reason);
      last_closing_ = reason;
      state_ = state::down;
      // An exchange that somebody else must declare is no fault of a message.
      end_all(over_a_publish && remedy.empty() ? window_.closed_over_a_publish(reason) : window_.give_up(reason));
      return remedy.empty() ? open() : open_later();
    }
    default:
      return;
  }
}

void publisher::on_lost(std::string_view reason) {
  channel_ = 0;
  end_all(window_.give_up(reason));
}

void publisher::on_down(std::string_view reason) {
  state_ = state::down;
  end_pending(reason);
  tell(channel_state::down, reason);
}

void publisher::on_blocked(bool blocked, std::string_view reason) {
  if (state_ != state::ready) return;
  tell(blocked ? channel_state::blocked : channel_state::ready, reason);
  if (!blocked) pump();
}

// -- messages -------------------------------------------------------------------------------------------------------------

void publisher::take_incoming() {
  std::vector<outgoing_message> taken;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(incoming_);
    posted_ = false;
  }
  for (auto& each : taken) pending_.push_back(std::move(each));
}

void publisher::pump() {
  if (closed_) return;
  if (!link_->is_open()) return end_pending("RabbitMQ is away: " + link_->trouble());
  const auto now = steady_now();
  const auto held = topology_->time_for_listeners();
  if (held.count() > 0 && !pending_.empty()) return pump_later(held);
  while (!pending_.empty()) {
    const auto& next = pending_.front();
    if (now >= next.send_before) {
      end(next, publish_result::broker_fault, "its lease ended while it waited");
    } else if (state_ != state::ready || link_->is_blocked() || link_->unwritten() > most_unwritten ||
               !window_.has_room_for(next.message->id)) {
      return;
    } else if (!try_send(next)) {
      counted_->refused += 1;
    }
    pending_.pop_front();
  }
}

void publisher::pump_later(std::chrono::nanoseconds pause) {
  if (std::exchange(pump_is_due_, true)) return;
  link_->loop().add_timer(steady_now() + pause, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->pump_is_due_ = false;
    self->pump();
    self->link_->post([](broker_link&) {});  // written with this turn of the loop
  });
}

bool publisher::try_send(const outgoing_message& next) {
  const auto& message = *next.message;
  const auto refuse = [&](std::string reason) {
    done_.call(next.tag, publish_outcome{.result = publish_result::refused, .reason = std::move(reason)});
    return false;
  };
  if (message.body.size() > static_cast<std::size_t>(options_.max_message_bytes))
    return refuse("a body of " + std::to_string(message.body.size()) + " bytes, where " + std::to_string(options_.max_message_bytes) +
                  " are allowed (rabbitMq.maxMessageBytes)");
  try {
    link_->amqp().publish(channel_, message.exchange, message.routing_key, to_wire(message, format_), message.body);
  } catch (const malformed& wrong) {
    return refuse(wrong.what());
  }
  window_.sent(next.tag, message.id);
  counted_->published += 1;
  return true;
}

/// Of a message that was not sent here.
void publisher::end(const outgoing_message& which, publish_result result, std::string reason) {
  counted_->faults += 1;
  done_.call(which.tag, publish_outcome{.result = result, .reason = std::move(reason), .untouched = !which.maybe_sent});
}

void publisher::end_pending(std::string_view reason) {
  for (const auto& each : std::exchange(pending_, {})) end(each, publish_result::broker_fault, std::string(reason));
}

void publisher::end_all(std::vector<confirm_window::outcome> outcomes) {
  for (const auto& each : outcomes) {
    auto& count = each.what.result == publish_result::confirmed    ? counted_->confirmed
                  : each.what.result == publish_result::unroutable ? counted_->returned
                  : each.what.result == publish_result::refused    ? counted_->refused
                                                                   : counted_->faults;
    count += 1;
    done_.call(each.tag, each.what);
  }
}

void publisher::tell(channel_state now, std::string_view reason) {
  if (!closed_) changed_.call(now, reason);
}

}  // namespace mamey::inline v1::rabbitmq_detail
