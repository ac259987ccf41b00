#include <mamey/messaging/detail/sql_channel.hpp>

#include <deque>
#include <mutex>
#include <new>
#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/messaging/detail/describe.hpp>
#include <mamey/messaging/detail/fiber_group.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/fiber.hpp>

namespace mamey::inline v1::detail {

namespace {

const logger log{"mamey.messaging.sql"};

class sql_channel final : public outgoing_channel {
 public:
  sql_channel(durable_queues& queues, event_loop& loop, const sql_transport_options& options, publish_callback done)
      : queues_(queues), loop_(loop), options_(options), done_(std::move(done)) {}

  ~sql_channel() override {
    reset();
    const masked_section masked;
    if (!fibers_.join(std::chrono::seconds(30))) log.error("a publish into the durable queues does not end");
  }

  void publish(std::span<const outgoing_message> messages) override {
    bool start = false;
    {
      const std::lock_guard lock(mutex_);
      waiting_.insert(waiting_.end(), messages.begin(), messages.end());
      start = !waiting_.empty() && !std::exchange(writing_, true);
    }
    if (!start) return;
    try {
      fibers_.start(loop_, "sql-publish", [this] { write(); });
    } catch (const std::bad_alloc&) {
      {
        const std::lock_guard lock(mutex_);
        writing_ = false;
      }
      reset();
    }
  }

  void reset() override {
    std::deque<outgoing_message> dropped;
    {
      const std::lock_guard lock(mutex_);
      dropped = std::exchange(waiting_, {});
    }
    for (const auto& each : dropped)
      done_(each.tag, {.result = publish_result::broker_fault, .reason = "given up by the publisher", .untouched = !each.maybe_sent});
  }

 private:
  std::vector<outgoing_message> next_batch() {
    const std::lock_guard lock(mutex_);
    const auto count = std::min(waiting_.size(), options_.batch);
    std::vector<outgoing_message> batch(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
    writing_ = count > 0;
    return batch;
  }

  void write() {
    for (auto batch = next_batch(); !batch.empty(); batch = next_batch()) commit(batch);
  }

  void commit(const std::vector<outgoing_message>& batch) {
    std::vector<queue_publication> messages;
    std::vector<const outgoing_message*> sent;
    for (const auto& each : batch) {
      if (steady_now() >= each.send_before) {
        done_(each.tag,
              {.result = publish_result::broker_fault, .reason = "its lease ended while it waited", .untouched = !each.maybe_sent});
        continue;
      }
      messages.push_back({.message = *each.message, .maybe_sent = each.maybe_sent});
      sent.push_back(&each);
    }
    if (sent.empty()) return;
    try {
      const masked_section masked;
      const auto reached = queues_.publish(messages);
      for (std::size_t i = 0; i < sent.size(); ++i) {
        if (reached.at(i) > 0)
          done_(sent[i]->tag, {});
        else
          done_(sent[i]->tag, {.result = publish_result::unroutable, .reason = "nobody listens"});
      }
    } catch (...) {
      const auto report = describe_current_exception();
      log.warning("the durable queues cannot be written: {code} {detail}", report.code, words_of(report));
      for (const auto* each : sent)
        done_(each->tag, {.result = publish_result::broker_fault, .reason = report.code + ": " + report.reason});
    }
  }

  durable_queues& queues_;
  event_loop& loop_;
  const sql_transport_options options_;
  const publish_callback done_;
  fiber_group fibers_;
  std::mutex mutex_;
  std::deque<outgoing_message> waiting_;
  bool writing_ = false;
};

}  // namespace

std::unique_ptr<outgoing_channel> open_sql_channel(durable_queues& queues, event_loop& loop, const sql_transport_options& options,
                                                   publish_callback done) {
  return std::make_unique<sql_channel>(queues, loop, options, std::move(done));
}

}  // namespace mamey::inline v1::detail
