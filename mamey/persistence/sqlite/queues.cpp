#include <mamey/persistence/sqlite/queues.hpp>

#include <numeric>

#include <mamey/persistence/queue_poller.hpp>
#include <mamey/persistence/sqlite/detail/checked_options.hpp>
#include <mamey/persistence/sqlite/detail/clock.hpp>
#include <mamey/persistence/sqlite/detail/migrations.hpp>
#include <mamey/persistence/sqlite/detail/queue_rows.hpp>
#include <mamey/persistence/sqlite/detail/readers.hpp>
#include <mamey/persistence/sqlite/detail/schema.hpp>
#include <mamey/persistence/sqlite/detail/writer.hpp>

namespace mamey::inline v1 {

using sqlite_detail::connection;
using sqlite_detail::durability;

struct sqlite_queues::state {
  state(const sqlite_options& given, const sqlite_environment& environment)
      : options(given), clock(environment.clock), writer(options, environment), readers(options) {}

  template <class Body>
  auto read(Body body) {
    return options.path == ":memory:" ? writer.run(durability::relaxed, std::move(body)) : readers.run(body);
  }

  const sqlite_options options;
  const sqlite_detail::store_clock clock;
  sqlite_detail::writer writer;
  sqlite_detail::reader_pool readers;
  std::unique_ptr<connection> looks;  ///< the poller's
  queue_poller poller{[this] { return version(); }, std::chrono::seconds(1)};

  /// Changes with every commit of another connection.
  std::optional<std::int64_t> version() {
    if (options.path == ":memory:") return std::nullopt;  // nobody else's
    if (!looks) looks = std::make_unique<connection>(options, sqlite_detail::access::read);
    auto row = looks->use("pragma data_version");
    row.step();
    return row.integer(0);
  }
};

sqlite_queues::sqlite_queues(const sqlite_options& options, sqlite_environment environment)
    : state_(std::make_unique<state>(sqlite_detail::checked(options, environment), environment)) {
  state_->writer.run_alone(
      [&](connection& on) { sqlite_detail::migrate(on, "mamey.queues", sqlite_detail::queues_schema(), state_->clock); });
}

sqlite_queues::~sqlite_queues() = default;

void sqlite_queues::bind(const std::string& queue, const std::string& exchange, const std::string& routing_key) {
  state_->writer.run(durability::synced, [&](connection& on) {
    sqlite_detail::bind_queue(on, sqlite_detail::declare_queue(on, queue), exchange, routing_key);
  });
}

void sqlite_queues::unbind(const std::string& queue, const std::string& exchange, const std::string& routing_key) {
  state_->writer.run(durability::synced, [&](connection& on) {
    if (const auto known = sqlite_detail::find_queue(on, queue)) sqlite_detail::unbind_queue(on, *known, exchange, routing_key);
  });
}

std::vector<int> sqlite_queues::publish(std::span<const queue_publication> messages) {
  if (messages.empty()) return {};
  const auto bytes = std::accumulate(messages.begin(), messages.end(), std::size_t{0},
                                     [](std::size_t sum, const queue_publication& each) { return sum + each.message.body.size(); });
  const auto store_all = [&](connection& on) {
    const auto now = state_->clock.now_ms();
    std::vector<int> queues;
    queues.reserve(messages.size());
    for (const auto& each : messages) queues.push_back(sqlite_detail::publish_message(on, each, now));
    return queues;
  };
  auto queues = state_->writer.run(durability::synced, store_all, bytes);
  state_->poller.notify();
  return queues;
}

void sqlite_queues::put(const std::string& queue, const envelope& message, std::chrono::milliseconds delay) {
  const auto store_one = [&](connection& on) {
    sqlite_detail::put_message(on, sqlite_detail::declare_queue(on, queue), {.message = message}, delay.count(), state_->clock.now_ms());
  };
  state_->writer.run(durability::synced, store_one, message.body.size());
  if (delay.count() > 0)
    state_->poller.notify_after(delay);
  else
    state_->poller.notify();
}

durable_queues::taken sqlite_queues::take(const std::string& queue, std::size_t most, std::chrono::milliseconds lease, bool ordered) {
  const auto now = state_->clock.now_ms();
  // Most takes find nothing: they look without asking for the one lock that all processes share.
  if (most == 0 || !state_->read([&](connection& on) { return sqlite_detail::has_visible(on, queue, now); })) return {};
  return state_->writer.run(durability::synced, [&](connection& on) {
    const auto known = sqlite_detail::find_queue(on, queue);
    return known ? sqlite_detail::take_messages(on, *known, most, lease.count(), ordered, state_->clock.now_ms()) : taken{};
  });
}

// A power cut may take these back: then a message comes again, as it may anyway.
void sqlite_queues::remove(std::span<const std::int64_t> sequences) {
  if (sequences.empty()) return;
  state_->writer.run(durability::relaxed, [&](connection& on) { sqlite_detail::remove_messages(on, sequences); });
}

std::size_t sqlite_queues::give_back(const std::string& token, std::span<const std::int64_t> sequences, std::chrono::milliseconds delay,
                                     bool counted) {
  const auto applied = state_->writer.run(durability::relaxed, [&](connection& on) {
    return sqlite_detail::give_back_messages(on, token, sequences, delay.count(), counted, state_->clock.now_ms());
  });
  if (delay.count() > 0)
    state_->poller.notify_after(delay);
  else
    state_->poller.notify();
  return applied;
}

std::size_t sqlite_queues::renew(const std::string& token, std::span<const std::int64_t> sequences, std::chrono::milliseconds lease) {
  return state_->writer.run(durability::relaxed, [&](connection& on) {
    return sqlite_detail::renew_messages(on, token, sequences, lease.count(), state_->clock.now_ms());
  });
}

std::int64_t sqlite_queues::depth(const std::string& queue) {
  return state_->read([&](connection& on) { return sqlite_detail::queue_depth(on, queue); });
}

void sqlite_queues::on_publish(std::function<void()> wake) { state_->poller.set(std::move(wake)); }

sqlite_statistics sqlite_queues::statistics() const { return state_->writer.statistics(); }

}  // namespace mamey::inline v1
