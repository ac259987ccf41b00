#include <mamey/messaging/rabbitmq/detail/topology_keeper.hpp>

#include <deque>
#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/messaging/rabbitmq/detail/delay_queues.hpp>
#include <mamey/observability/log.hpp>

namespace mamey::inline v1::rabbitmq_detail {

namespace {

const logger log{"mamey.messaging.rabbitmq"};
constexpr std::int64_t one_day = 86'400'000;

}  // namespace

/// What a refusal of a request means.
enum class refusal_means : std::uint8_t {
  failure,
  nothing,
  other_form,  ///< of an exchange of ours: used as it is, when it takes messages at all
};

/// One request and what a refusal of it means.
struct topology_keeper::step {
  std::string what;  ///< `the queue orders/…`
  std::function<void(connection_machine&, std::uint16_t)> send;
  refusal_means refused = refusal_means::failure;
};

namespace {

/// Runs steps one after another on a channel that is replaced whenever the broker closes it.
class step_runner final : public channel_user, public std::enable_shared_from_this<step_runner> {
 public:
  struct result {
    bool reached = true;  ///< the broker answered
    std::uint16_t code = 0;
    std::string text, what;
  };
  struct item {
    std::string what;
    std::function<void(connection_machine&, std::uint16_t)> send;
    refusal_means refused = refusal_means::failure;
  };
  using finished = std::function<void(const std::vector<result>& refusals)>;

  step_runner(std::deque<item> steps, finished done) : steps_(std::move(steps)), done_(std::move(done)) {}

  /// On the loop.
  void begin(broker_link& link) {
    link_ = link.weak_from_this();
    next();
  }
  void on_event(amqp_event&& event) override {
    if (event.type == amqp_event_type::answered) {
      steps_.pop_front();
      next();
    } else if (event.type == amqp_event_type::channel_closed && event.code != 0) {
      channel_ = 0;
      if (steps_.empty()) return;
      if (matters(steps_.front(), event)) refusals_.push_back({.code = event.code, .text = event.text, .what = steps_.front().what});
      steps_.pop_front();
      next();
    }
  }
  void on_lost(std::string_view reason) override {
    channel_ = 0;
    fail(reason);
  }

 private:
  static bool matters(const item& refused, const amqp_event& event) {
    if (refused.refused == refusal_means::nothing) return false;
    // The broker names the first difference it finds. An internal exchange takes no messages from anybody.
    const bool usable = event.code == precondition_failed && event.text.find("'internal'") == std::string::npos;
    if (refused.refused != refusal_means::other_form || !usable) return true;
    log.warning("{what} exists in another form and is used as it is: {reason}", refused.what, event.text);
    return false;
  }
  void next() {
    const auto link = link_.lock();
    if (!link || !link->is_open()) return fail("no connection");
    if (steps_.empty()) {
      if (channel_ != 0) link->amqp().close_channel(std::exchange(channel_, 0));
      return end();
    }
    if (channel_ == 0) channel_ = link->open_channel(shared_from_this());
    if (channel_ == 0) return fail("the broker grants no further channel");
    try {
      steps_.front().send(link->amqp(), channel_);
    } catch (const malformed& wrong) {
      refusals_.push_back({.code = precondition_failed, .text = wrong.what(), .what = steps_.front().what});
      steps_.pop_front();
      link->post([self = shared_from_this()](broker_link&) { self->next(); });
    }
  }
  void fail(std::string_view reason) {
    if (!done_) return;
    refusals_.push_back({.reached = false, .text = std::string(reason), .what = steps_.empty() ? "" : steps_.front().what});
    end();
  }
  void end() {
    if (const auto done = std::exchange(done_, nullptr)) done(refusals_);
  }

  std::deque<item> steps_;
  finished done_;
  std::vector<result> refusals_;
  std::weak_ptr<broker_link> link_;
  std::uint16_t channel_ = 0;
};

}  // namespace

topology_keeper::topology_keeper(rabbitmq_options options) : options_(std::move(options)) {}

std::string topology_keeper::dead_letter_exchange() const {
  const auto& letters = options_.dead_letter;
  return letters.prefix + options_.exchange.name + letters.suffix;
}

queue_request topology_keeper::request_for(const queue_declaration& queue) const {
  const auto& how = options_.queue;
  queue_request made{.name = queue.name, .durable = how.durable && queue.durable, .exclusive = how.exclusive, .auto_delete = how.auto_delete, .arguments = {}};
  const auto& letters = options_.dead_letter;
  if (letters.enabled) {
    made.arguments.emplace_back("x-dead-letter-exchange", dead_letter_exchange());
    made.arguments.emplace_back("x-dead-letter-routing-key", letters.prefix + queue.name + letters.suffix);
  }
  if (how.park_too_large) {
    made.arguments.emplace_back("x-dead-letter-exchange", std::string());
    made.arguments.emplace_back("x-dead-letter-routing-key", too_large_queue_of(queue.name));
    if (how.type == "quorum") {  // at least once; RabbitMQ wants reject-publish with it
      made.arguments.emplace_back("x-dead-letter-strategy", std::string("at-least-once"));
      made.arguments.emplace_back("x-overflow", std::string("reject-publish"));
    }
  }
  if (!how.type.empty()) made.arguments.emplace_back("x-queue-type", how.type);
  if (!how.mode.empty()) made.arguments.emplace_back("x-queue-mode", how.mode);
  if (how.delivery_limit != 0) made.arguments.emplace_back("x-delivery-limit", std::int64_t{how.delivery_limit});
  if (how.max_priority > 0) made.arguments.emplace_back("x-max-priority", std::int64_t{how.max_priority});
  if (queue.ordered) made.arguments.emplace_back("x-single-active-consumer", true);
  return made;
}

std::string topology_keeper::too_large_queue_of(const std::string& queue) { return queue + ".too-large"; }

std::vector<topology_keeper::step> topology_keeper::steps_of(const topology& wanted) const {
  std::vector<step> steps;
  for (const auto& each : wanted.exchanges) {
    if (each.name.empty()) continue;
    exchange_request request{.name = each.name, .type = each.type, .durable = each.durable};
    if (!each.foreign && each.name == options_.exchange.name) {
      if (!options_.exchange.type.empty()) request.type = options_.exchange.type;
      request.durable = options_.exchange.durable;
      request.auto_delete = options_.exchange.auto_delete;
      if (!options_.exchange.declare) request.mode = exchange_mode::passive;
    }
    steps.push_back({.what = "the exchange " + each.name,
                     .send = [request](connection_machine& to, std::uint16_t on) { to.declare_exchange(on, request); },
                     .refused = each.foreign ? refusal_means::nothing : refusal_means::other_form});
  }
  const auto& letters = options_.dead_letter;
  const bool with_letters = letters.enabled && letters.declare && !wanted.queues.empty();
  if (with_letters) {
    const exchange_request request{.name = dead_letter_exchange(), .type = "direct", .durable = letters.durable, .auto_delete = letters.auto_delete};
    steps.push_back({.what = "the dead-letter exchange " + request.name,
                     .send = [request](connection_machine& to, std::uint16_t on) { to.declare_exchange(on, request); },
                     .refused = refusal_means::nothing});
  }
  for (const auto& each : wanted.queues) {
    if (options_.queue.park_too_large) {
      queue_request aside{.name = too_large_queue_of(each.name), .arguments = {}};
      if (!options_.queue.type.empty()) aside.arguments.emplace_back("x-queue-type", options_.queue.type);
      steps.push_back({.what = "the queue " + aside.name, .send = [aside](connection_machine& to, std::uint16_t on) { to.declare_queue(on, aside); }});
    }
    if (options_.queue.declare) {
      steps.push_back({.what = "the queue " + each.name,
                       .send = [request = request_for(each)](connection_machine& to, std::uint16_t on) { to.declare_queue(on, request); }});
    }
    for (const auto wait : each.delays) {  // where there is none, messages wait at the consumer
      steps.push_back({.what = "the queue " + delay_queue_of(each.name, wait),
                       .send = [request = delay_queue_request(each.name, wait)](connection_machine& to, std::uint16_t on) { to.declare_queue(on, request); },
                       .refused = refusal_means::nothing});
    }
    if (!with_letters) continue;
    // The reference's own arguments, its fault included (see warnings_of): other ones would be refused by the queue that is there.
    queue_request dead{.name = letters.prefix + each.name + letters.suffix, .durable = letters.durable, .exclusive = letters.exclusive, .auto_delete = letters.auto_delete, .arguments = {}};
    std::string exchange;
    for (const auto& bound : wanted.bindings) {
      if (bound.queue == each.name) exchange = bound.exchange;
    }
    dead.arguments.emplace_back("x-dead-letter-exchange", exchange);
    dead.arguments.emplace_back("x-dead-letter-routing-key", each.name);
    if (!letters.ttl.empty()) {
      const auto ttl = std::stoll(letters.ttl);
      dead.arguments.emplace_back("x-message-ttl", std::int64_t{ttl <= 0 ? one_day : ttl});
    }
    steps.push_back({.what = "the dead-letter queue " + dead.name,
                     .send = [dead](connection_machine& to, std::uint16_t on) { to.declare_queue(on, dead); },
                     .refused = refusal_means::nothing});
    steps.push_back({.what = "the binding of " + dead.name,
                     .send = [name = dead.name, to_exchange = dead_letter_exchange()](connection_machine& to, std::uint16_t on) { to.bind_queue(on, name, to_exchange, name); },
                     .refused = refusal_means::nothing});
  }
  for (const auto& each : wanted.bindings) {
    steps.push_back({.what = "the binding of " + each.queue + " to " + each.exchange,
                     .send = [each](connection_machine& to, std::uint16_t on) { to.bind_queue(on, each.queue, each.exchange, each.routing_key); }});
  }
  return steps;
}

void topology_keeper::remember(const topology& wanted) {
  const std::lock_guard lock(guard_);
  for (const auto& each : wanted.exchanges) exchanges_.insert_or_assign(each.name, each);
  for (const auto& each : wanted.queues) queues_.insert_or_assign(each.name, each);
  for (const auto& each : wanted.bindings) bindings_.emplace(each.queue, each.exchange, each.routing_key);
}

topology topology_keeper::all() const {
  const std::lock_guard lock(guard_);
  topology everything;
  for (const auto& [name, each] : exchanges_) everything.exchanges.push_back(each);
  for (const auto& [name, each] : queues_) everything.queues.push_back(each);
  for (const auto& [queue, exchange, key] : bindings_) everything.bindings.push_back({.queue = queue, .exchange = exchange, .routing_key = key});
  return everything;
}

namespace {

template <class Steps>
std::deque<step_runner::item> items_of(Steps&& steps) {
  std::deque<step_runner::item> items;
  for (auto& each : steps)
    items.push_back({.what = std::move(each.what), .send = std::move(each.send), .refused = each.refused});
  return items;
}

}  // namespace

void topology_keeper::declare(broker_link& link, const topology& wanted) {
  remember(wanted);
  const auto until = steady_now() + options_.continuation_timeout;
  link.await_open(until);
  struct answer {
    semaphore done{0};
    std::mutex guard;
    std::vector<step_runner::result> refusals;
  };
  const auto waiting = std::make_shared<answer>();
  link.post([runner = std::make_shared<step_runner>(items_of(steps_of(wanted)),
                                                    [waiting](const std::vector<step_runner::result>& refusals) {
                                                      {
                                                        const std::lock_guard lock(waiting->guard);
                                                        waiting->refusals = refusals;
                                                      }
                                                      waiting->done.release();
                                                    })](broker_link& on) { runner->begin(on); });
  if (!waiting->done.try_acquire_until(until)) throw unavailable("rabbitmq_timeout", "RabbitMQ did not answer a declaration in {} ms", options_.continuation_timeout.count());
  const std::lock_guard lock(waiting->guard);
  for (const auto& each : waiting->refusals) {
    if (!each.reached) throw unavailable("rabbitmq_unavailable", "RabbitMQ went away during a declaration: {}", each.text);
  }
  for (const auto& each : waiting->refusals) {
    if (each.code == precondition_failed) throw conflict("rabbitmq_precondition_failed", "{} exists in another form: {}", each.what, each.text);
    throw unavailable("rabbitmq_refused", "RabbitMQ refuses {}: {} {}", each.what, each.code, each.text);
  }
}

void topology_keeper::declare_again(broker_link& link, std::function<void()> done) {
  const auto runner = std::make_shared<step_runner>(items_of(steps_of(all())), [done = std::move(done)](const std::vector<step_runner::result>& refusals) {
    for (const auto& each : refusals) {
      if (each.reached) log.warning("{what} cannot be declared again: {code} {reason}", each.what, each.code, each.text);
    }
    done();
  });
  runner->begin(link);
}

}  // namespace mamey::inline v1::rabbitmq_detail
