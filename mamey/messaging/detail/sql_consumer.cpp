#include <mamey/messaging/detail/sql_consumer.hpp>

#include <algorithm>
#include <map>
#include <mutex>
#include <new>
#include <set>
#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/messaging/detail/describe.hpp>
#include <mamey/messaging/detail/fiber_group.hpp>
#include <mamey/messaging/detail/mailbox.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/fiber.hpp>

namespace mamey::inline v1::detail {

namespace {

const logger log{"mamey.messaging.sql"};

/// Said to the consumer's fiber.
struct word {
  enum class kind_type : std::uint8_t { wake, acknowledge, give_back, stop } kind = kind_type::wake;
  std::int64_t sequence = 0;
  std::chrono::milliseconds delay{};
  start_counting counting = start_counting::counted;
};
using words = mailbox<word>;

class sql_settlement final : public settlement {
 public:
  sql_settlement(std::shared_ptr<words> to, std::int64_t sequence) : to_(std::move(to)), sequence_(sequence) {}
  ~sql_settlement() override { give_back({}, start_counting::counted); }
  void acknowledge() noexcept override { say({.kind = word::kind_type::acknowledge}); }
  void give_back(std::chrono::milliseconds delay, start_counting counting) noexcept override {
    say({.kind = word::kind_type::give_back, .delay = delay, .counting = counting});
  }

 private:
  void say(word what) noexcept {
    what.sequence = sequence_;
    if (const auto to = std::exchange(to_, nullptr)) to->post(what);
  }
  std::shared_ptr<words> to_;
  std::int64_t sequence_;
};

/// The consumer's fiber and what it knows; messages are leased in groups, one a take.
class sql_consumer final : public sql_consumer_base {
 public:
  sql_consumer(durable_queues& queues, event_loop& loop, const sql_transport_options& how, queue_options options, delivery_callback deliver,
               std::function<void(sql_consumer_base*)> closed)
      : queues_(queues),
        how_(how),
        options_(std::move(options)),
        deliver_(std::move(deliver)),
        closed_(std::move(closed)),
        poll_(how.shortest_poll) {
    fiber_.start(loop, "sql-consume", [this] { run(); });
  }
  ~sql_consumer() override { close(); }

  void wake() noexcept override {
    if (wake_posted_.exchange(true)) return;
    words_->post({});
  }
  void cancel() override {
    const std::lock_guard lock(delivering_);
    cancelled_ = true;
  }
  void close() override {
    cancel();
    if (closed_) std::exchange(closed_, nullptr)(this);
    stopped_ = true;
    words_->post({.kind = word::kind_type::stop});
    const masked_section masked;
    if (!fiber_.join(std::chrono::seconds(30))) log.error("the consumer of {queue} does not end", options_.queue);
  }

 private:
  struct group {
    std::set<std::int64_t> sequences;
    steady_time renew_at;
  };
  struct giving_back {
    std::string token;
    std::chrono::milliseconds delay{};
    start_counting counting = start_counting::counted;
    auto operator<=>(const giving_back&) const = default;
  };

  void run() {
    bool stopping = false;
    while (true) {
      const auto now = steady_now();
      if (now >= store_retry_at_) work(now);
      const bool settled = acknowledged_.empty() && given_back_.empty();
      if (stopping && (settled || now >= stop_by_)) return;
      for (const auto& each : next_words(stopping)) {
        if (each.kind == word::kind_type::wake) {
          wake_posted_ = false;
          poll_at_ = steady_time::min();
          poll_ = how_.shortest_poll;
        } else if (each.kind == word::kind_type::stop) {
          stopping = true;
          stop_by_ = steady_now() + std::chrono::seconds(10);
          give_all_back();  // unsettled: another consumer gets them
        } else {
          note(each);
        }
      }
    }
  }

  std::vector<word> next_words(bool stopping) {
    try {
      return words_->take(next_wake(stopping));
    } catch (const std::bad_alloc&) {  // settlements are missing: all come again, and the inbox knows those that were handled
      log.error("the consumer of {queue} had no memory for a settlement: its messages come again", options_.queue);
      wake_posted_ = false;
      give_all_back();
      held_ = 0;
      return stopped_ && !stopping ? std::vector<word>{{.kind = word::kind_type::stop}} : std::vector<word>{};
    }
  }

  void give_all_back() {
    for (const auto& [token, held] : std::exchange(groups_, {}))
      given_back_[{token, {}, start_counting::counted}] = {held.sequences.begin(), held.sequences.end()};
  }

  /// One round of database work; when it fails, the next waits.
  void work(steady_time now) {
    try {
      const masked_section masked;
      settle();
      renew(now);
      take(now);
      store_pause_ = std::chrono::milliseconds(50);
    } catch (...) {
      const auto report = describe_current_exception();
      log.warning("the durable queue {queue} cannot be reached: {code} {detail}", options_.queue, report.code, words_of(report));
      store_retry_at_ = steady_now() + store_pause_;
      store_pause_ = std::min(store_pause_ * 2, std::chrono::milliseconds(5'000));
    }
  }

  steady_time next_wake(bool stopping) const {
    if (steady_now() < store_retry_at_) return stopping ? std::min(store_retry_at_, stop_by_) : store_retry_at_;
    if (stopping) return stop_by_;
    auto at = has_room() ? poll_at_ : steady_time::max();
    for (const auto& [token, each] : groups_) at = std::min(at, each.renew_at);
    return at;
  }

  bool has_room() const { return !cancelled_ && held_ < options_.prefetch; }

  void note(const word& what) {
    const auto found = std::ranges::find_if(groups_, [&](const auto& each) { return each.second.sequences.contains(what.sequence); });
    if (held_ > 0) --held_;
    if (options_.ordered) poll_at_ = steady_time::min();  // its key's next is a head now
    if (what.kind == word::kind_type::acknowledge) {
      acknowledged_.push_back(what.sequence);
    } else if (found != groups_.end()) {  // else the lease is lost: the message is visible again anyway
      given_back_[{found->first, what.delay, what.counting}].push_back(what.sequence);
      visible_again_.insert(steady_now() + what.delay);
    }
    if (found == groups_.end()) return;
    found->second.sequences.erase(what.sequence);
    if (found->second.sequences.empty()) groups_.erase(found);
  }

  void settle() {
    if (!acknowledged_.empty()) {
      queues_.remove(acknowledged_);
      acknowledged_.clear();
    }
    while (!given_back_.empty()) {
      const auto& [how, sequences] = *given_back_.begin();
      queues_.give_back(how.token, sequences, how.delay, how.counting == start_counting::counted);
      given_back_.erase(given_back_.begin());
    }
  }

  void renew(steady_time now) {
    for (auto at = groups_.begin(); at != groups_.end();) {
      if (now < at->second.renew_at) {
        ++at;
        continue;
      }
      const std::vector<std::int64_t> sequences(at->second.sequences.begin(), at->second.sequences.end());
      if (queues_.renew(at->first, sequences, options_.lease) < sequences.size()) {
        log.warning("a lease on {queue} was lost: messages being handled are handed out again", options_.queue);
        at = groups_.erase(at);
        continue;
      }
      at->second.renew_at = now + options_.lease / 3;
      ++at;
    }
  }

  void take(steady_time now) {
    while (!visible_again_.empty() && *visible_again_.begin() <= now) {
      visible_again_.erase(visible_again_.begin());
      poll_at_ = now;
    }
    while (has_room() && now >= poll_at_) {
      auto taken = queues_.take(options_.queue, options_.prefetch - held_, options_.lease, options_.ordered);
      if (taken.messages.empty()) {
        poll_at_ = now + poll_;
        if (!visible_again_.empty()) poll_at_ = std::min(poll_at_, *visible_again_.begin());
        poll_ = std::min(poll_ * 2, how_.longest_poll);
        return;
      }
      poll_ = how_.shortest_poll;
      hand_out(now, std::move(taken));
    }
  }

  void hand_out(steady_time now, durable_queues::taken&& taken) {
    auto& mine = groups_[taken.token];
    mine.renew_at = now + options_.lease / 3;
    for (const auto& each : taken.messages) mine.sequences.insert(each.sequence);
    held_ += taken.messages.size();
    for (auto& each : taken.messages) {
      delivery next{.message = std::make_shared<const envelope>(std::move(each.message)),
                    .redelivered = each.starts > 1 || each.maybe_sent,
                    .starts = each.starts,
                    .settle = std::make_unique<sql_settlement>(words_, each.sequence)};
      const std::lock_guard lock(delivering_);
      if (cancelled_)
        next.settle->give_back({}, start_counting::uncounted);
      else
        deliver_(std::move(next));
    }
  }

  durable_queues& queues_;
  const sql_transport_options how_;
  const queue_options options_;
  const delivery_callback deliver_;
  std::function<void(sql_consumer_base*)> closed_;
  std::shared_ptr<words> words_ = std::make_shared<words>();
  std::atomic<bool> wake_posted_{false};
  std::atomic<bool> cancelled_{false}, stopped_{false};
  std::mutex delivering_;

  // Of the fiber.
  std::map<std::string, group> groups_;
  std::vector<std::int64_t> acknowledged_;
  std::map<giving_back, std::vector<std::int64_t>> given_back_;
  std::multiset<steady_time> visible_again_;  ///< when messages we gave back return
  std::size_t held_ = 0;
  steady_time poll_at_ = steady_time::min();
  std::chrono::milliseconds poll_;
  steady_time store_retry_at_ = steady_time::min();
  steady_time stop_by_ = steady_time::max();
  std::chrono::milliseconds store_pause_{50};

  fiber_group fiber_;  ///< last: its fiber uses the rest
};

}  // namespace

std::unique_ptr<sql_consumer_base> start_sql_consumer(durable_queues& queues, event_loop& loop, const sql_transport_options& how,
                                                      const queue_options& options, delivery_callback deliver,
                                                      std::function<void(sql_consumer_base*)> closed) {
  return std::make_unique<sql_consumer>(queues, loop, how, options, std::move(deliver), std::move(closed));
}

}  // namespace mamey::inline v1::detail
