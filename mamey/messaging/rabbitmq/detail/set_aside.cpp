#include <mamey/messaging/rabbitmq/detail/set_aside.hpp>

#include <array>
#include <utility>

#include <mamey/observability/log.hpp>

namespace mamey::inline v1::rabbitmq_detail {

namespace {

const logger log{"mamey.messaging.rabbitmq"};

}  // namespace

set_aside::set_aside(std::shared_ptr<broker_link> link, std::shared_ptr<topology_keeper> topology, wire_format format,
                     const rabbitmq_options& options, std::shared_ptr<counters> counted)
    : link_(std::move(link)), topology_(std::move(topology)), format_(std::move(format)), options_(options), counted_(std::move(counted)) {}

set_aside::~set_aside() = default;

void set_aside::open() {
  out_ = std::make_shared<publisher>(
      link_, topology_, format_, options_, counted_,
      [weak = weak_from_this()](std::uint64_t tag, const publish_outcome& what) {
        if (const auto self = weak.lock()) self->ended(tag, what);
      },
      channel_state_callback{});
  out_->start();
}

void set_aside::put(envelope message, std::function<void(bool)> done) {
  if (!out_) open();
  const auto tag = ++last_tag_;
  waiting_.emplace(tag, std::move(done));
  const std::array one{outgoing_message{.tag = tag, .message = std::make_shared<const envelope>(std::move(message))}};
  out_->publish(one);
  // A queue without a majority of its replicas confirms nothing and says nothing. A blocked connection does say so, and goes on.
  link_->loop().add_timer(steady_now() + options_.continuation_timeout, [weak = weak_from_this(), tag] {
    const auto self = weak.lock();
    if (self && self->waiting_.contains(tag) && !self->link_->is_blocked()) self->out_->reset();
  });
}

void set_aside::ended(std::uint64_t tag, const publish_outcome& what) {
  const auto found = waiting_.extract(tag);
  if (!found) return;
  const bool kept = what.result == publish_result::confirmed;
  if (kept)
    counted_->delayed += 1;
  else
    log.warning("the broker does not keep a message for later, it waits here: {reason}", what.reason);
  found.mapped()(kept);
}

void set_aside::close() {
  link_->post([self = shared_from_this()](broker_link&) {
    self->waiting_.clear();
    if (self->out_) self->out_->close();
  });
}

}  // namespace mamey::inline v1::rabbitmq_detail
