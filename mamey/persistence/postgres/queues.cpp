#include <mamey/persistence/postgres/queues.hpp>

#include <atomic>

#include <mamey/core/error.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/persistence/postgres/detail/metrics.hpp>
#include <mamey/persistence/postgres/detail/migrations.hpp>
#include <mamey/persistence/postgres/detail/outbox.hpp>
#include <mamey/persistence/postgres/detail/queue_rows.hpp>
#include <mamey/persistence/postgres/detail/queue_schema.hpp>
#include <mamey/persistence/postgres/detail/sessions.hpp>
#include <mamey/persistence/queue_poller.hpp>
#include <mamey/runtime/context.hpp>

namespace mamey::inline v1 {

namespace pg = postgres_detail;

namespace {

constexpr std::chrono::milliseconds longest_poll{200};
constexpr std::chrono::seconds patience_of_a_poll{2};

postgres_options in_queue_schema(postgres_options options) {
  options.schema = options.queue_schema;
  return options;
}

}  // namespace

struct postgres_queues::state {
  state(const postgres_options& given, const postgres_environment& environment)
      : target(pg::target_of(given, environment)), options(pg::settled_options(in_queue_schema(given), target)) {
    stopper->use(sessions);
    if (environment.metrics) shown = pg::show_pools(*environment.metrics, {sessions.get()});
  }

  std::vector<pg::step> run(std::vector<pg::step> steps, pg::durability how, pg::when_lost then) {
    return pg::run_bookkeeping(*sessions, std::move(steps), how, then, options, retried);
  }
  pg::rows run_one(pg::step made, pg::when_lost then) {
    return std::move(run(pg::one(std::move(made)), pg::durability::synced, then).front().result);
  }
  pg::rows hurry(pg::step made) {
    return std::move(run(pg::one(std::move(made)), pg::durability::relaxed, pg::when_lost::run_again).back().result);
  }

  /// For the poller: changes with every message.
  std::int64_t version() {
    const deadline_scope bound(patience_of_a_poll);
    return run_one(pg::last_sequence(), pg::when_lost::fail).integer(0, 0);
  }

  void prepare() {
    auto on = sessions->acquire();
    on.discard();                                    // its statements are not met again
    pg::run_statement(*on, "set lock_timeout = 0");  // of processes that start together one makes the tables, and the others wait for it
    pg::prepare_history(*on, options.schema);
    pg::migrate(*on, "mamey.queues", pg::queues_schema());
  }

  void notify(std::chrono::milliseconds delay) {
    if (delay.count() > 0)
      poller.notify_after(delay);
    else
      poller.notify();
  }

  pg::pool_settings sessions_for_queues() const {
    auto settings = pg::pool_of(options, target, "queue", options.relay_connections, 4, pg::access::read_write, stopper,
                                std::make_shared<pg::session_era>());
    settings.greeting.push_back(pg::queue_plans());
    return settings;
  }

  const pg::connection_target target;
  const postgres_options options;
  std::atomic<std::uint64_t> retried{0};
  const std::shared_ptr<pg::statement_stopper> stopper = std::make_shared<pg::statement_stopper>();
  const std::shared_ptr<pg::pool> sessions = std::make_shared<pg::pool>(sessions_for_queues());
  std::vector<metrics::registration> shown;
  queue_poller poller{[this] { return version(); }, longest_poll};  ///< last: its thread uses the rest
};

postgres_queues::postgres_queues(const postgres_options& options, const postgres_environment& environment)
    : state_(std::make_unique<state>(options, environment)) {
  try {
    state_->prepare();
  } catch (const error& refused) {
    if (refused.code() != "sql_error") throw;  // away, or broken
    throw internal_error("no_durable_queues",
                         "the durable queues cannot be made in schema {} (postgres:queueSchema): {}. Let the role make or use it, or let "
                         "something else carry messages (messaging:transport)",
                         state_->options.schema, refused.reason());
  }
}

postgres_queues::~postgres_queues() = default;

void postgres_queues::bind(const std::string& queue, const std::string& exchange, const std::string& routing_key) {
  std::vector<pg::step> steps;
  steps.push_back(pg::declare_queue(queue));
  steps.push_back(pg::bind_queue(queue, exchange, routing_key));
  state_->run(std::move(steps), pg::durability::synced, pg::when_lost::run_again);
}

void postgres_queues::unbind(const std::string& queue, const std::string& exchange, const std::string& routing_key) {
  state_->run_one(pg::unbind_queue(queue, exchange, routing_key), pg::when_lost::run_again);
}

std::vector<int> postgres_queues::publish(std::span<const queue_publication> messages) {
  if (messages.empty()) return {};
  std::vector<pg::step> steps;
  steps.reserve(messages.size() + 1);
  std::vector<std::string> keys;
  for (const auto& each : messages) {
    if (!each.message.key.empty()) keys.push_back(each.message.key);
  }
  if (!keys.empty()) steps.push_back(pg::lock_keys(keys));
  for (const auto& each : messages) steps.push_back(pg::publish_message(each));
  const auto done = state_->run(std::move(steps), pg::durability::synced, pg::when_lost::fail);
  std::vector<int> queues;
  queues.reserve(messages.size());
  for (auto each = done.begin() + (keys.empty() ? 0 : 1); each != done.end(); ++each)
    queues.push_back(static_cast<int>(each->result.affected()));
  state_->notify({});
  return queues;
}

void postgres_queues::put(const std::string& queue, const envelope& message, std::chrono::milliseconds delay) {
  std::vector<pg::step> steps;
  if (!message.key.empty()) steps.push_back(pg::lock_keys(std::span(&message.key, 1)));
  steps.push_back(pg::declare_queue(queue));
  steps.push_back(pg::put_message(queue, message, delay.count()));
  state_->run(std::move(steps), pg::durability::synced, pg::when_lost::fail);
  state_->notify(delay);
}

durable_queues::taken postgres_queues::take(const std::string& queue, std::size_t most, std::chrono::milliseconds lease, bool ordered) {
  taken found{.token = uuid::v4().to_compact_string(), .messages = {}};
  if (most == 0) return found;
  const auto ask = [&](pg::search how) {
    found.messages = pg::read_taken(state_->run_one(pg::take_messages(queue, found.token, most, lease.count(), how), pg::when_lost::fail));
    return !found.messages.empty();
  };
  if (!ordered) {
    ask(pg::search::unordered);
  } else if (!ask(pg::search::first_rows) &&
             state_->run_one(pg::are_messages_beyond_the_first(queue), pg::when_lost::run_again).boolean(0, 0)) {
    ask(pg::search::by_key);
  }
  return found;
}

void postgres_queues::remove(std::span<const std::int64_t> sequences) {
  if (!sequences.empty()) state_->hurry(pg::remove_messages(sequences));
}

std::size_t postgres_queues::give_back(const std::string& token, std::span<const std::int64_t> sequences, std::chrono::milliseconds delay,
                                       bool counted) {
  const auto applied = state_->hurry(pg::give_back_messages(token, sequences, delay.count(), counted)).affected();
  state_->notify(delay);
  return static_cast<std::size_t>(applied);
}

std::size_t postgres_queues::renew(const std::string& token, std::span<const std::int64_t> sequences, std::chrono::milliseconds lease) {
  return static_cast<std::size_t>(state_->hurry(pg::renew_messages(token, sequences, lease.count())).affected());
}

std::int64_t postgres_queues::depth(const std::string& queue) {
  return state_->run_one(pg::queue_depth(queue), pg::when_lost::run_again).integer(0, 0);
}

void postgres_queues::on_publish(std::function<void()> wake) { state_->poller.set(std::move(wake)); }

}  // namespace mamey::inline v1
