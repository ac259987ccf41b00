#include <mamey/messaging/direct_publisher.hpp>

#include <mutex>
#include <unordered_map>
#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/messaging/message_headers.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/sync.hpp>
#include <mamey/runtime/wait_watch.hpp>

namespace mamey::inline v1 {

namespace {

const logger log{"mamey.messaging"};

/// The messages of one `publish`.
struct call {
  std::vector<std::shared_ptr<const envelope>> messages;
  std::vector<std::pair<std::size_t, publish_outcome>> troubles;  ///< guarded by the state
  semaphore told{0};
};

std::string trouble_of(const envelope& message, const publish_outcome& outcome) {
  if (outcome.result == publish_result::unroutable) return "no queue is bound to " + message.exchange + " " + message.routing_key;
  return outcome.reason.empty() ? "the transport refused it" : outcome.reason;
}

bool is_trouble(const envelope& message, const publish_outcome& outcome) {
  if (outcome.result == publish_result::unroutable) return is_command(message);
  return outcome.result != publish_result::confirmed;
}

}  // namespace

struct direct_publisher::state {
  void settle(std::uint64_t tag, const publish_outcome& outcome);
  void forget(std::uint64_t first, std::size_t count);

  event_loop* loop = nullptr;
  std::chrono::milliseconds confirm_timeout{};
  bool waits_for_confirms = true;
  std::mutex guard;
  std::uint64_t next_tag = 1;  // guarded, as the next
  std::unordered_map<std::uint64_t, std::pair<std::shared_ptr<call>, std::size_t>> open;
  std::unique_ptr<outgoing_channel> out;
};

void direct_publisher::state::settle(std::uint64_t tag, const publish_outcome& outcome) {
  std::shared_ptr<call> of;
  {
    const std::lock_guard lock(guard);
    const auto found = open.find(tag);
    if (found == open.end()) {  // nobody waits for it any more
      if (outcome.result == publish_result::broker_fault || outcome.result == publish_result::nacked)
        log.warning("a message published without an outbox is lost: {reason}", outcome.reason);
      return;
    }
    of = found->second.first;
    const auto at = found->second.second;
    open.erase(found);
    if (is_trouble(*of->messages[at], outcome)) of->troubles.emplace_back(at, outcome);
  }
  of->told.release();
}

void direct_publisher::state::forget(std::uint64_t first, std::size_t count) {
  const std::lock_guard lock(guard);
  for (std::size_t i = 0; i < count; ++i) open.erase(first + i);
}

direct_publisher::direct_publisher(transport& through, event_loop& loop, std::chrono::milliseconds confirm_timeout)
    : state_(std::make_shared<state>()) {
  auto& mine = *state_;
  mine.loop = &loop;
  mine.confirm_timeout = confirm_timeout;
  mine.waits_for_confirms = !through.features().confirms_after_handling;
  mine.out = through.open_channel([raw = state_.get()](std::uint64_t tag, const publish_outcome& outcome) { raw->settle(tag, outcome); },
                                  [](channel_state, std::string_view) {});
}

direct_publisher::~direct_publisher() { state_->out.reset(); }  // ends its callbacks

void direct_publisher::publish(std::vector<envelope> messages) {
  auto& mine = *state_;
  const auto waiting = std::make_shared<call>();
  for (auto& each : messages) waiting->messages.push_back(std::make_shared<const envelope>(std::move(each)));
  const auto count = waiting->messages.size();
  if (count == 0) return;

  const auto until = deadline_after(mine.confirm_timeout);
  std::vector<outgoing_message> outgoing;
  std::uint64_t first = 0;
  {
    const std::lock_guard lock(mine.guard);
    first = std::exchange(mine.next_tag, mine.next_tag + count);
    for (std::size_t i = 0; i < count; ++i) {
      mine.open[first + i] = {waiting, i};
      outgoing.push_back({.tag = first + i, .message = waiting->messages[i], .send_before = until});
    }
  }
  struct forgetting {  // however this ends, late outcomes find nobody
    state& of;
    std::uint64_t first;
    std::size_t count;
    ~forgetting() { of.forget(first, count); }
  } const at_the_end{mine, first, count};

  report_wait("the confirm of ", waiting->messages.front()->type);
  const watched_waits unseen(nullptr);  // its parts
  mine.out->publish(outgoing);
  bool all_told = true;
  if (mine.waits_for_confirms) {
    for (std::size_t i = 0; i < count && all_told; ++i) all_told = waiting->told.try_acquire_until(until);
  } else {
    // What the transport can say at once it says on its loop before this comes to its turn.
    const auto turn = std::make_shared<semaphore>(0);
    mine.loop->post([turn] { turn->release(); });
    all_told = turn->try_acquire_until(until);
  }

  const std::lock_guard lock(mine.guard);
  if (!waiting->troubles.empty()) {
    const auto& [at, outcome] = waiting->troubles.front();
    const auto& message = *waiting->messages[at];
    throw unavailable("not_published", "{} could not be published: {}", message.type, trouble_of(message, outcome));
  }
  if (!all_told) {
    throw unavailable("publish_unconfirmed", "{} was not confirmed within {} ms: it may have been sent or not",
                      waiting->messages.front()->type, mine.confirm_timeout.count());
  }
}

}  // namespace mamey::inline v1
