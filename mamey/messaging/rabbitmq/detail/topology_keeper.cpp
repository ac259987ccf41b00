#include <mamey/messaging/rabbitmq/detail/topology_keeper.hpp>

#include <algorithm>
#include <optional>
#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/messaging/conventions.hpp>
#include <mamey/messaging/rabbitmq/detail/topology_steps.hpp>
#include <mamey/observability/log.hpp>

namespace mamey::inline v1::rabbitmq_detail {

namespace {

const logger log{"mamey.messaging.rabbitmq"};
constexpr std::chrono::milliseconds time_to_bind{1'000};  // four looks of a subscription that waits for an exchange
constexpr std::chrono::milliseconds between_looks{5'000};
constexpr std::chrono::milliseconds between_looks_for_missing{250};
constexpr std::chrono::seconds most_impatient{30};  // then a missing exchange is looked for like any other
constexpr std::chrono::minutes trouble_lasts{10};

}  // namespace

topology_keeper::topology_keeper(rabbitmq_options options)
    : options_(std::move(options)), published_as_(in_casing(options_.exchange.name, parse_name_casing(options_.conventions_casing))) {}

// -- what was asked for ---------------------------------------------------------------------------------------------------

void topology_keeper::remember(const topology& wanted) {
  const std::lock_guard lock(guard_);
  for (const auto& each : wanted.exchanges) {
    const auto [known, fresh] = exchanges_.try_emplace(each.name, each);
    if (!fresh && !each.foreign) known->second = each;  // one that is ours stays it, although somebody listens to it
  }
  for (const auto& each : wanted.queues) queues_.insert_or_assign(each.name, each);
  for (const auto& each : wanted.bindings) bindings_.emplace(each.queue, each.exchange, each.routing_key);
}

void topology_keeper::remember_missing(const std::string& exchange) {
  const std::lock_guard lock(guard_);
  missing_since_.try_emplace(exchange, steady_now());
}

void topology_keeper::remember_found(const topology& wanted, const std::set<std::string>& missing) {
  const std::lock_guard lock(guard_);
  for (const auto& each : wanted.exchanges) {
    if (!missing.contains(each.name)) missing_since_.erase(each.name);  // its owner has the same time should it go again
  }
}

topology topology_keeper::all() const {
  const std::lock_guard lock(guard_);
  topology everything;
  for (const auto& [name, each] : exchanges_) everything.exchanges.push_back(each);
  for (const auto& [name, each] : queues_) everything.queues.push_back(each);
  for (const auto& [queue, exchange, key] : bindings_)
    everything.bindings.push_back({.queue = queue, .exchange = exchange, .routing_key = key});
  return everything;
}

std::chrono::nanoseconds topology_keeper::time_for_listeners() const {
  const auto until = held_until_.load(std::memory_order_relaxed);
  return until == 0
             ? std::chrono::nanoseconds(0)
             : std::max<std::chrono::nanoseconds>(steady_time(steady_time::duration(until)) - steady_now(), std::chrono::nanoseconds(0));
}

void topology_keeper::found(const std::string& exchange) {
  const std::lock_guard lock(guard_);
  present_.insert(exchange);
}

void topology_keeper::made(const std::string& exchange) {
  const auto now = steady_now();
  bool again = false;
  {
    const std::lock_guard lock(guard_);
    again = !present_.insert(exchange).second;
    if (again) remade_.insert_or_assign(exchange, now);
  }
  const auto until = (now + time_to_bind + (again ? between_looks : std::chrono::milliseconds(0))).time_since_epoch().count();
  if (until > held_until_.load(std::memory_order_relaxed)) held_until_.store(until, std::memory_order_relaxed);
  if (again)
    log.warning(
        "the exchange {exchange} was deleted, with the bindings of its queues: it is declared again, and messages wait {pause} ms until "
        "their listeners have bound again",
        exchange, (time_to_bind + between_looks).count());
}

void topology_keeper::note_unroutable(const std::string& exchange) {
  const std::lock_guard lock(guard_);
  const auto again = remade_.find(exchange);
  if (again != remade_.end() && steady_now() - again->second < trouble_lasts) unheard_.insert_or_assign(exchange, steady_now());
}

std::string topology_keeper::trouble() const {
  const std::lock_guard lock(guard_);
  for (const auto& [exchange, when] : unheard_) {
    if (steady_now() - when >= trouble_lasts) continue;
    return "the exchange " + exchange +
           " was deleted and declared again, and messages to it find no queue since: start the services anew that should listen to it";
  }
  return {};
}

std::string topology_keeper::missing_while_publishing(const std::string& exchange) {
  if (is_own(exchange) && !options_.exchange.declare) return "declare it, or set rabbitMq.exchange.declare to true";
  const std::lock_guard lock(guard_);
  exchanges_.insert_or_assign(exchange, exchange_declaration{.name = exchange});
  return {};
}

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
  link.post([runner = std::make_shared<step_runner>(steps_of(wanted, connection::consuming),
                                                    [waiting](const std::vector<step_runner::result>& refusals) {
                                                      {
                                                        const std::lock_guard lock(waiting->guard);
                                                        waiting->refusals = refusals;
                                                      }
                                                      waiting->done.release();
                                                    })](broker_link& on) { runner->begin(on); });
  if (!waiting->done.try_acquire_until(until))
    throw unavailable("rabbitmq_timeout", "RabbitMQ did not answer a declaration in {} ms", options_.continuation_timeout.count());
  const std::lock_guard lock(waiting->guard);
  std::optional<exchange_awaited> awaited;
  std::set<std::string> missing;
  for (const auto& each : waiting->refusals) {
    if (!each.reached) throw unavailable("rabbitmq_unavailable", "RabbitMQ went away during a declaration: {}", each.text);
    if (each.awaited.empty()) continue;
    remember_missing(each.awaited);
    missing.insert(each.awaited);
    if (!awaited)
      awaited.emplace("exchange_awaited", "the exchange {} is not there: its owner declares it{}", each.awaited,
                      options_.foreign_exchange.declare ? ", or we do after rabbitMq.foreignExchange.wait"
                                                        : " (rabbitMq.foreignExchange.declare is false)");
  }
  remember_found(wanted, missing);
  for (const auto& each : waiting->refusals) {
    if (!each.awaited.empty()) continue;
    const auto remedy = remedy_of(each);
    throw conflict(each.code == precondition_failed ? "rabbitmq_precondition_failed" : "rabbitmq_refused", "{}{}{}", in_words(each),
                   remedy.empty() ? "" : "; ", remedy);
  }
  if (awaited) throw exchange_awaited(*awaited);
}

// -- while it runs ----------------------------------------------------------------------------------------------------------

void topology_keeper::keep_up(const std::shared_ptr<broker_link>& link) {
  link->post([self = shared_from_this()](broker_link& on) { self->look_later(on.weak_from_this(), between_looks); });
}

/// No declaration that the broker would refuse every time, as it logs each refusal: an exchange that is there is left alone.
std::vector<topology_step> topology_keeper::steps_of_look() {
  const auto known = all();
  std::vector<topology_step> steps;
  for (const auto& each : known.exchanges) {
    if (!each.name.empty()) add_exchange(steps, each, extent::what_is_missing);
  }
  for (const auto& each : known.bindings) steps.push_back(binding_step(each));
  return steps;
}

void topology_keeper::look_later(const std::weak_ptr<broker_link>& link, std::chrono::nanoseconds pause) {
  const auto on = link.lock();
  if (!on) return;
  on->loop().add_timer(steady_now() + pause, [weak = weak_from_this(), link] {
    const auto self = weak.lock();
    const auto alive = link.lock();
    if (self && alive) self->look(alive);
  });
}

void topology_keeper::look(const std::shared_ptr<broker_link>& link) {
  auto steps = link->is_open() ? steps_of_look() : std::vector<topology_step>();
  if (steps.empty()) return look_later(link, between_looks);
  const auto runner = std::make_shared<step_runner>(
      std::move(steps), [self = shared_from_this(), weak = std::weak_ptr(link)](const std::vector<step_runner::result>& refusals) {
        std::vector<std::string> missing;
        std::string failure;
        for (const auto& each : refusals) {
          if (!each.awaited.empty())
            missing.push_back(each.awaited);
          else if (each.reached && each.code != not_found_code)  // a queue that is gone is its subscription's affair
            failure = each.what + ": " + std::to_string(each.code) + ' ' + each.text;
        }
        self->look_later(weak, self->end_of_look(missing, std::move(failure)));
      });
  runner->begin(*link);
  link->post([](broker_link&) {});  // written with this turn of the loop
}

/// How long until the next.
std::chrono::nanoseconds topology_keeper::end_of_look(const std::vector<std::string>& missing, std::string failure) {
  const std::lock_guard lock(guard_);
  if (!failure.empty() && failure != told_) log.warning("a look after exchanges and bindings: {what}", failure);
  told_ = std::move(failure);
  std::chrono::nanoseconds pause = between_looks;
  for (const auto& each : missing) {
    const auto since = missing_since_.try_emplace(each, steady_now()).first->second;
    if (steady_now() - since < most_impatient) pause = between_looks_for_missing;
  }
  std::erase_if(missing_since_, [&](const auto& known) { return std::ranges::find(missing, known.first) == missing.end(); });
  return pause;
}

void topology_keeper::declare_again(broker_link& link, std::function<void()> done) {
  const auto runner =
      std::make_shared<step_runner>(steps_of(all(), connection::publishing),
                                    [self = shared_from_this(), done = std::move(done)](const std::vector<step_runner::result>& refusals) {
                                      for (const auto& each : refusals) {
                                        if (!each.awaited.empty())
                                          self->remember_missing(each.awaited);  // its subscription waits for it and says so
                                        else if (each.reached)
                                          log.warning("{what} cannot be declared again: {code} {reason}", each.what, each.code, each.text);
                                      }
                                      done();
                                    });
  runner->begin(link);
}

}  // namespace mamey::inline v1::rabbitmq_detail
