#include <mamey/messaging/rabbitmq/detail/topology_steps.hpp>

#include <array>
#include <iterator>
#include <utility>

#include <mamey/observability/log.hpp>

namespace mamey::inline v1::rabbitmq_detail {

namespace {

const logger log{"mamey.messaging.rabbitmq"};

/// By which setting a queue gets another form: the broker says in which it differs.
std::string setting_of(const std::string& refusal) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 11> settings{{{"'durable'", "queue.durable"},
                                                                                    {"'auto_delete'", "queue.autoDelete"},
                                                                                    {"'exclusive'", "queue.exclusive"},
                                                                                    {"'x-dead-letter-strategy'", "queue.parkTooLarge"},
                                                                                    {"'x-overflow'", "queue.parkTooLarge"},
                                                                                    {"'x-dead-letter", "deadLetter"},
                                                                                    {"'x-queue-type'", "queue.type"},
                                                                                    {"'x-queue-mode'", "queue.mode"},
                                                                                    {"'x-delivery-limit'", "queue.deliveryLimit"},
                                                                                    {"'x-max-priority'", "queue.maxPriority"},
                                                                                    {"exclusive access", "queue.exclusive"}}};
  for (const auto& [words, setting] : settings) {
    if (refusal.find(words) != std::string::npos) return "rabbitMq." + std::string(setting);
  }
  return refusal.find("'x-single-active-consumer'") != std::string::npos ? "whether its handlers are ordered" : "section rabbitMq.queue";
}

}  // namespace

step_runner::step_runner(std::vector<topology_step> steps, finished done)
    : steps_(std::make_move_iterator(steps.begin()), std::make_move_iterator(steps.end())), done_(std::move(done)) {}

void step_runner::begin(broker_link& link) {
  link_ = link.weak_from_this();
  next();
}

void step_runner::on_event(amqp_event&& event) {
  if (event.type == amqp_event_type::answered) {
    if (const auto& told = steps_.front().answered) told(event);
    steps_.pop_front();
    next();
  } else if (event.type == amqp_event_type::channel_closed && event.code != 0) {
    channel_ = 0;
    if (steps_.empty()) return;
    refused(event.code, std::move(event.text));
    next();
  }
}

void step_runner::on_lost(std::string_view reason) {
  channel_ = 0;
  fail(reason);
}

void step_runner::refused(std::uint16_t code, std::string text) {
  auto step = std::move(steps_.front());
  steps_.pop_front();
  if (code == step.otherwise_when && !step.otherwise.empty()) {
    steps_.insert(steps_.begin(), std::make_move_iterator(step.otherwise.begin()), std::make_move_iterator(step.otherwise.end()));
  } else if (step.refused == refusal_means::awaited && code == not_found_code) {
    absent_.insert(step.exchange);
    refusals_.push_back({.code = code,
                         .text = std::move(text),
                         .what = std::move(step.what),
                         .remedy = std::move(step.remedy),
                         .awaited = std::move(step.exchange)});
  } else if (matters(step, code, text)) {
    refusals_.push_back(
        {.code = code, .text = std::move(text), .what = std::move(step.what), .remedy = std::move(step.remedy), .awaited = {}});
  }
}

bool step_runner::matters(const topology_step& step, std::uint16_t code, const std::string& text) {
  if (step.refused == refusal_means::nothing) return false;
  // The broker names the first difference it finds. An internal exchange takes no messages from anybody.
  const bool of_use = step.refused == refusal_means::other_form ? text.find("'internal'") == std::string::npos
                      : step.refused == refusal_means::kept_longer
                          ? text.find("'durable'") != std::string::npos && text.find("received 'false'") != std::string::npos
                          : false;
  if (code != precondition_failed || !of_use) return true;
  log.warning("{what} exists in another form and is used as it is: {reason}", step.what, text);
  return false;
}

void step_runner::next() {
  const auto link = link_.lock();
  if (!link || !link->is_open()) return fail("no connection");
  while (!steps_.empty() && steps_.front().refused != refusal_means::awaited && absent_.contains(steps_.front().exchange))
    steps_.pop_front();
  if (steps_.empty()) {
    if (channel_ != 0) link->amqp().close_channel(std::exchange(channel_, 0));
    return end();
  }
  if (channel_ == 0) channel_ = link->open_channel(shared_from_this());
  if (channel_ == 0) return fail("the connection ends, or the broker grants no further channel on it");
  try {
    steps_.front().send(link->amqp(), channel_);
  } catch (const malformed& wrong) {
    refused(precondition_failed, wrong.what());
    link->post([self = shared_from_this()](broker_link&) { self->next(); });
  }
}

void step_runner::fail(std::string_view reason) {
  if (!done_) return;
  refusals_.push_back(
      {.reached = false, .text = std::string(reason), .what = steps_.empty() ? "" : steps_.front().what, .remedy = {}, .awaited = {}});
  end();
}

void step_runner::end() {
  if (const auto done = std::exchange(done_, nullptr)) done(refusals_);
}

topology_step exchange_step(std::string what, const exchange_request& request, refusal_means refused, std::string remedy) {
  return {.what = std::move(what),
          .send = [request](connection_machine& to, std::uint16_t on) { to.declare_exchange(on, request); },
          .refused = refused,
          .remedy = std::move(remedy),
          .exchange = request.name};
}

topology_step queue_step(std::string what, queue_request request, refusal_means refused, std::string remedy) {
  return {.what = std::move(what),
          .send = [request = std::move(request)](connection_machine& to, std::uint16_t on) { to.declare_queue(on, request); },
          .refused = refused,
          .remedy = std::move(remedy)};
}

std::string in_words(const step_runner::result& refused) {
  if (refused.code == precondition_failed) return refused.what + " exists in another form: " + refused.text;
  return "RabbitMQ refuses " + refused.what + ": " + std::to_string(refused.code) + ' ' + refused.text;
}

std::string remedy_of(const step_runner::result& refused) {
  if (!refused.remedy.empty() || !refused.what.starts_with("the queue ")) return refused.remedy;
  const bool form = refused.code == precondition_failed;
  return (form ? "delete it while it is empty, or change " : "see ") + setting_of(refused.text);
}

}  // namespace mamey::inline v1::rabbitmq_detail
