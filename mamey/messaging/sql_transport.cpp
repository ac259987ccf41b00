#include <mamey/messaging/sql_transport.hpp>

#include <mutex>
#include <set>
#include <utility>

#include <mamey/messaging/detail/sql_channel.hpp>
#include <mamey/messaging/detail/sql_consumer.hpp>

namespace mamey::inline v1 {

namespace {
constexpr transport_features sql_features{.name = "sql",
                                          .persistent = true,
                                          .several_processes = true,
                                          .ordered_by_key = true,
                                          .keeps_place = true,
                                          .counts_starts = true,
                                          .delayed_give_back = true,
                                          .competing_consumers = true,
                                          .reports_unroutable = true,
                                          .confirms_after_handling = false};
}

struct sql_transport::state {
  state(durable_queues& from, event_loop& on, sql_transport_options with) : queues(from), loop(on), options(with) {}

  void wake_all() {
    const std::lock_guard lock(mutex);
    for (auto* each : consumers) each->wake();
  }

  durable_queues& queues;
  event_loop& loop;
  const sql_transport_options options;
  std::mutex mutex;
  std::set<detail::sql_consumer_base*> consumers;
};

sql_transport::sql_transport(durable_queues& queues, event_loop& loop, sql_transport_options options)
    : state_(std::make_shared<state>(queues, loop, options)) {
  queues.on_publish([weak = std::weak_ptr(state_)] {
    if (const auto alive = weak.lock()) alive->wake_all();
  });
}

sql_transport::~sql_transport() { state_->queues.on_publish({}); }

const transport_features& sql_transport::features() const noexcept { return sql_features; }

void sql_transport::declare(const topology& wanted) {
  for (const auto& each : wanted.bindings) state_->queues.bind(each.queue, each.exchange, each.routing_key);
}

std::unique_ptr<outgoing_channel> sql_transport::open_channel(publish_callback done, channel_state_callback) {
  return detail::open_sql_channel(state_->queues, state_->loop, state_->options, std::move(done));
}

std::unique_ptr<consumer> sql_transport::subscribe(const queue_options& options, delivery_callback deliver, consumer_state_callback) {
  auto started = detail::start_sql_consumer(state_->queues, state_->loop, state_->options, options, std::move(deliver),
                                            [with = state_](detail::sql_consumer_base* gone) {
                                              const std::lock_guard lock(with->mutex);
                                              with->consumers.erase(gone);
                                            });
  {
    const std::lock_guard lock(state_->mutex);
    state_->consumers.insert(started.get());
  }
  return started;
}

void sql_transport::check() { state_->queues.depth("mamey.check"); }

}  // namespace mamey::inline v1
