#include <mamey/messaging/rabbitmq/detail/topology_keeper.hpp>

#include <utility>

#include <mamey/messaging/rabbitmq/detail/delay_queues.hpp>
#include <mamey/messaging/rabbitmq/detail/topology_steps.hpp>
#include <mamey/observability/log.hpp>

// The requests that a topology and the options lead to; topology_keeper.cpp sends them and remembers.
namespace mamey::inline v1::rabbitmq_detail {

namespace {

const logger log{"mamey.messaging.rabbitmq"};
constexpr std::int64_t one_day = 86'400'000;

}  // namespace

std::string topology_keeper::dead_letter_exchange() const {
  const auto& letters = options_.dead_letter;
  return letters.prefix + options_.exchange.name + letters.suffix;
}

queue_request topology_keeper::request_for(const queue_declaration& queue) const {
  const auto& how = options_.queue;
  // Where nobody says who declares queues, those that we make must keep what is in them.
  const bool durable = how.durable || !how.declare;
  queue_request made{
      .name = queue.name, .durable = durable && queue.durable, .exclusive = how.exclusive, .auto_delete = how.auto_delete, .arguments = {}};
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

bool topology_keeper::has_waited(const std::string& exchange) const {
  if (!options_.foreign_exchange.declare) return false;
  const std::lock_guard lock(guard_);
  const auto found = missing_since_.find(exchange);
  return options_.foreign_exchange.wait.count() <= 0 ||
         (found != missing_since_.end() && steady_now() - found->second >= options_.foreign_exchange.wait);
}

void topology_keeper::add_exchange(std::vector<topology_step>& steps, const exchange_declaration& wanted, extent how_much) {
  const auto what = "the exchange " + wanted.name;
  exchange_request request{.name = wanted.name, .type = wanted.type, .durable = wanted.durable};
  auto only_look = request;
  only_look.mode = declare_mode::passive;
  if (!is_own(wanted.name) && wanted.foreign) {
    auto look = exchange_step(what, only_look, refusal_means::awaited, "");
    if (has_waited(wanted.name)) {
      look.otherwise_when = not_found_code;
      look.otherwise.push_back(
          exchange_step(what, request, refusal_means::other_form, "let its owner declare it (rabbitMq.foreignExchange.declare: false)"));
      look.otherwise.back().answered = [name = wanted.name](const amqp_event&) {
        log.warning(
            "the exchange {exchange} was not there: declared as a durable topic exchange. An owner that wants another form starts before "
            "us, or has rabbitMq.foreignExchange.declare: false",
            name);
      };
    }
    steps.push_back(std::move(look));
    return;
  }
  const bool own = is_own(wanted.name);
  if (own && !options_.exchange.declare) return;  // its owner's affair, and missed by who publishes
  if (own) {
    if (!options_.exchange.type.empty()) request.type = options_.exchange.type;
    request.durable = options_.exchange.durable;
    request.auto_delete = options_.exchange.auto_delete;
  }
  // .NET declares its exchange as written and publishes to it in the casing of the conventions, where its neighbours listen: both are
  // there.
  const bool twice = own && wanted.name != published_as_;
  add_look(steps, request);
  auto published = request;
  published.name = published_as_;
  if (twice) add_look(steps, published);
  if (how_much == extent::what_is_missing) return;
  auto declared = exchange_step(what, request, refusal_means::other_form, "");
  declared.otherwise_when = access_refused;  // who may not declare may still use
  declared.otherwise.push_back(exchange_step(what + ", which this user may not declare,", only_look, refusal_means::failure,
                                             "let its owner declare it first, or let rabbitMq.username configure it"));
  steps.push_back(std::move(declared));
  if (twice) steps.push_back(exchange_step("the exchange " + published_as_, published, refusal_means::other_form, ""));
}

/// One that is not there is made, and those who wait for it bind before the next message is sent.
void topology_keeper::add_look(std::vector<topology_step>& steps, const exchange_request& wanted) {
  auto only_look = wanted;
  only_look.mode = declare_mode::passive;
  auto look = exchange_step("the exchange " + wanted.name, only_look, refusal_means::nothing, "");
  look.answered = [weak = weak_from_this(), name = wanted.name](const amqp_event&) {
    if (const auto self = weak.lock()) self->found(name);
  };
  look.otherwise_when = not_found_code;
  look.otherwise.push_back(exchange_step("the exchange " + wanted.name, wanted, refusal_means::nothing, ""));
  look.otherwise.back().answered = [weak = weak_from_this(), name = wanted.name](const amqp_event&) {
    if (const auto self = weak.lock()) self->made(name);
  };
  steps.push_back(std::move(look));
}

void topology_keeper::add_queue(std::vector<topology_step>& steps, const queue_declaration& queue, connection on) const {
  const auto what = "the queue " + queue.name;
  if (options_.queue.park_too_large) {
    queue_request aside{.name = too_large_queue_of(queue.name), .arguments = {}};
    if (!options_.queue.type.empty()) aside.arguments.emplace_back("x-queue-type", options_.queue.type);
    steps.push_back(queue_step("the queue " + aside.name, aside, refusal_means::failure, ""));
  }
  const auto request = request_for(queue);
  auto declared = queue_step(what, request, refusal_means::kept_longer, "");
  auto only_look = queue_step(what, {.name = queue.name, .mode = declare_mode::passive, .arguments = {}}, refusal_means::failure, "");
  if (request.exclusive && on == connection::publishing) {
  } else if (options_.queue.declare == true) {
    only_look.what += ", which this user may not declare,";
    only_look.remedy = "declare it, or let rabbitMq.username configure it";
    declared.otherwise_when = access_refused;
    declared.otherwise.push_back(std::move(only_look));
    steps.push_back(std::move(declared));
  } else if (options_.queue.declare == false) {
    only_look.remedy = "declare it, or set rabbitMq.queue.declare to true";
    steps.push_back(std::move(only_look));
  } else {
    only_look.otherwise_when = not_found_code;
    only_look.otherwise.push_back(std::move(declared));
    steps.push_back(std::move(only_look));
  }
  for (const auto wait : queue.delays) {  // where there is none, messages wait at the consumer
    steps.push_back(
        queue_step("the queue " + delay_queue_of(queue.name, wait), delay_queue_request(queue.name, wait), refusal_means::nothing, ""));
  }
  if (queue.earlier_name.empty() || on == connection::publishing) return;
  {
    const std::lock_guard lock(guard_);
    if (!looked_for_.insert(queue.earlier_name).second) return;
  }
  auto look = queue_step("the queue " + queue.earlier_name, {.name = queue.earlier_name, .mode = declare_mode::passive, .arguments = {}},
                         refusal_means::nothing, "");
  look.answered = [earlier = queue.earlier_name, now = queue.name](const amqp_event& there) {
    if (there.messages == 0) return;
    log.warning(
        "{count} messages wait in the queue {earlier}, which is called {queue} as rabbitMq.conventionsCasing is not set: nobody here takes "
        "them. Set it to snakeCase, or move them",
        there.messages, earlier, now);
  };
  steps.push_back(std::move(look));
}

/// The arguments of .NET Mamey (Convey), with their fault (see warnings_of): other ones would be refused by the queue that is there. An
/// exclusive one would shut out the .NET service that needs it, and nothing of ours goes there.
void topology_keeper::add_dead_letters(std::vector<topology_step>& steps, const topology& wanted, const queue_declaration& queue) const {
  const auto& letters = options_.dead_letter;
  if (letters.exclusive) return;
  queue_request dead{.name = letters.prefix + queue.name + letters.suffix,
                     .durable = letters.durable,
                     .auto_delete = letters.auto_delete,
                     .arguments = {}};
  std::string exchange;
  for (const auto& bound : wanted.bindings) {
    if (bound.queue == queue.name) exchange = bound.exchange;
  }
  dead.arguments.emplace_back("x-dead-letter-exchange", exchange);
  dead.arguments.emplace_back("x-dead-letter-routing-key", queue.name);
  if (!letters.ttl.empty()) {
    const auto ttl = std::stoll(letters.ttl);
    dead.arguments.emplace_back("x-message-ttl", std::int64_t{ttl <= 0 ? one_day : ttl});
  }
  steps.push_back(queue_step("the dead-letter queue " + dead.name, dead, refusal_means::nothing, ""));
  steps.push_back({.what = "the binding of " + dead.name,
                   .send = [name = dead.name, to_exchange = dead_letter_exchange()](
                               connection_machine& to, std::uint16_t channel) { to.bind_queue(channel, name, to_exchange, name); },
                   .refused = refusal_means::nothing});
}

std::vector<topology_step> topology_keeper::steps_of(const topology& wanted, connection on) {
  std::vector<topology_step> steps;
  const auto& letters = options_.dead_letter;
  const bool with_letters = letters.enabled && letters.declare;
  bool own_too = !wanted.queues.empty();
  for (const auto& each : wanted.exchanges) {
    if (each.name.empty()) continue;
    own_too |= is_own(each.name);
    add_exchange(steps, each, extent::everything);
  }
  if (with_letters && options_.exchange.declare && own_too) {  // it has the form of the exchange it belongs to, but for its type
    const exchange_request request{.name = dead_letter_exchange(),
                                   .type = "direct",
                                   .durable = options_.exchange.durable,
                                   .auto_delete = options_.exchange.auto_delete};
    steps.push_back(exchange_step("the dead-letter exchange " + request.name, request, refusal_means::nothing, ""));
  }
  for (const auto& each : wanted.queues) {
    add_queue(steps, each, on);
    if (with_letters) add_dead_letters(steps, wanted, each);
  }
  for (const auto& each : wanted.bindings) {
    if (options_.queue.exclusive && on == connection::publishing) continue;
    steps.push_back(binding_step(each));
  }
  return steps;
}

topology_step topology_keeper::binding_step(const queue_binding& wanted) const {
  return {.what = "the binding of " + wanted.queue + " to " + wanted.exchange,
          .send = [wanted](connection_machine& to,
                           std::uint16_t channel) { to.bind_queue(channel, wanted.queue, wanted.exchange, wanted.routing_key); },
          .remedy =
              is_own(wanted.exchange) && !options_.exchange.declare ? "declare the exchange, or set rabbitMq.exchange.declare to true" : "",
          .exchange = wanted.exchange};
}

}  // namespace mamey::inline v1::rabbitmq_detail
