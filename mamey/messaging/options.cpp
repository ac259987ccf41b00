#include <mamey/messaging/options.hpp>

#include <algorithm>
#include <numeric>
#include <span>

#include <mamey/messaging/failure_plan.hpp>

namespace mamey::inline v1 {

namespace {

std::string in_words(std::chrono::milliseconds span) {
  const auto count = span.count();
  if (count != 0 && count % 86'400'000 == 0) return std::to_string(count / 86'400'000) + " d";
  if (count != 0 && count % 60'000 == 0) return std::to_string(count / 60'000) + " min";
  if (count != 0 && count % 1'000 == 0) return std::to_string(count / 1'000) + " s";
  return std::to_string(count) + " ms";
}

void check_outbox(const outbox_options& outbox, std::vector<std::string>& problems) {
  const auto require = [&](bool holds, std::string sentence) {
    if (!holds) problems.push_back(std::move(sentence));
  };
  require(outbox.interval_milliseconds > 0 || !outbox.enabled, "outbox.intervalMilliseconds must be above 0");
  require(outbox.batch >= 1 && outbox.batch <= 10'000, "outbox.batch must be 1 to 10000");
  require(outbox.batch_bytes >= 1024, "outbox.batchBytes must be at least 1024");
  require(outbox.window >= 1 && outbox.window <= 65'536, "outbox.window must be 1 to 65536");
  require(outbox.refusals >= 1, "outbox.refusals must be at least 1");
  require(outbox.shortest_poll.count() >= 1, "outbox.shortestPoll must be at least 1 ms");
  require(outbox.lease <= std::chrono::hours(1),
          "outbox.lease (" + in_words(outbox.lease) + ") must be at most 60 min (a number alone means days: 15 s are 00:00:15)");
  require(outbox.lease_margin.count() >= 0 && outbox.lease_margin < outbox.lease / 3,
          "outbox.leaseMargin (" + in_words(outbox.lease_margin) + ") must be less than a third of outbox.lease (" +
              in_words(outbox.lease) + "): the lease is renewed at its third, and sending must not stop before that");
  require(
      outbox.confirm_timeout.count() > 0 && outbox.confirm_timeout < outbox.lease,
      "outbox.confirmTimeout (" + in_words(outbox.confirm_timeout) + ") must be less than outbox.lease (" + in_words(outbox.lease) + ")");
}

void check_messaging(const messaging_options& messaging, std::vector<std::string>& problems) {
  const auto require = [&](bool holds, std::string sentence) {
    if (!holds) problems.push_back(std::move(sentence));
  };
  require(messaging.concurrency >= 1 && messaging.concurrency <= 10'000, "messaging.concurrency must be 1 to 10000");
  require(messaging.prefetch == 0 || messaging.prefetch >= messaging.concurrency,
          "messaging.prefetch must be 0 (twice the concurrency) or at least messaging.concurrency");
  require(messaging.immediate_retries >= 0 && messaging.immediate_retries <= 100, "messaging.immediateRetries must be 0 to 100");
  require(messaging.delayed_retries.size() <= 100, "messaging.delayedRetries takes at most 100 delays");
  require(std::ranges::all_of(messaging.delayed_retries, [](auto each) { return each.count() > 0; }),
          "each of messaging.delayedRetries must be above 0");
  require(messaging.retry_jitter >= 0 && messaging.retry_jitter <= 1, "messaging.retryJitter must be 0 to 1");
  require(std::ranges::none_of(messaging.forward_headers,
                               [](const auto& each) { return each.empty() || each.starts_with("mamey-") || each.starts_with("x-"); }),
          "messaging.forwardHeaders takes names of other people's headers: not blank, and none that begins with mamey- or x-");
  require(messaging.start_limit >= 1, "messaging.startLimit must be at least 1");
  require(messaging.throttle_after >= 1, "messaging.throttleAfter must be at least 1");
  require(messaging.handler_timeout.count() > 0, "messaging.handlerTimeout must be above 0");
  require(messaging.lease >= std::chrono::seconds(1) && messaging.lease <= std::chrono::hours(1),
          "messaging.lease (" + in_words(messaging.lease) + ") must be 1 s to 60 min (a number alone means days: 30 s are 00:00:30)");
  require(messaging.rollout_window.count() == 0 || messaging.rollout_delay.count() > 0, "messaging.rolloutDelay must be above 0");
}

}  // namespace

namespace {

std::chrono::milliseconds chain_of(const messaging_options& messaging, int immediate_retries,
                                   std::span<const std::chrono::milliseconds> delayed_retries) {
  const auto delays = std::accumulate(delayed_retries.begin(), delayed_retries.end(), std::chrono::milliseconds(0));
  const auto jitter = static_cast<std::int64_t>(static_cast<double>(delays.count()) * messaging.retry_jitter);
  const auto rounds = static_cast<std::int64_t>(delayed_retries.size()) + 1;
  // Between any two rounds a message may meet an older instance.
  return delays + std::chrono::milliseconds(jitter) +
         rounds * (messaging.rollout_window + messaging.handler_timeout * (immediate_retries + 1));
}

}  // namespace

std::chrono::milliseconds longest_retry_chain(const messaging_options& messaging) {
  return chain_of(messaging, messaging.immediate_retries, messaging.delayed_retries);
}

std::vector<std::string> problems_of(const messaging_options& messaging, std::string_view handler, const failure_plan& plan) {
  std::vector<std::string> problems;
  const auto check = [&](const failure_decision& decided, const std::string& which) {
    const auto needed = chain_of(messaging, decided.immediate_retries, decided.delayed_retries) + messaging.error_retention;
    if (messaging.inbox_retention >= needed) return;
    problems.push_back("messaging.inboxRetention (" + in_words(messaging.inbox_retention) + ") must be at least the retries of " +
                       std::string(handler) + which + " plus messaging.errorRetention (" + in_words(needed) +
                       " together): a message retried later than the inbox remembers would be handled twice");
  };
  check(plan.usual, "");
  for (const auto& [code, decided] : plan.by_code) check(decided, " after " + code);
  return problems;
}

std::vector<std::string> problems_of(const outbox_options& outbox, const messaging_options& messaging) {
  std::vector<std::string> problems;
  check_outbox(outbox, problems);
  check_messaging(messaging, problems);
  for (auto& each : problems_of(messaging.recoverability, "messaging.recoverability")) problems.push_back(std::move(each));
  const auto needed = longest_retry_chain(messaging) + messaging.error_retention;
  if (messaging.inbox_retention < needed) {
    problems.push_back("messaging.inboxRetention (" + in_words(messaging.inbox_retention) +
                       ") must be at least the longest chain of delayed retries plus messaging.errorRetention (" + in_words(needed) +
                       " together): a message retried later than the inbox remembers would be handled twice");
  }
  return problems;
}

store_upkeep::retention retention_of(const outbox_options& outbox, const messaging_options& messaging) {
  const auto seconds = [](std::chrono::milliseconds span) { return std::chrono::ceil<std::chrono::seconds>(span); };
  return {.inbox = seconds(messaging.inbox_retention),
          .sent = outbox.expiry > 0 ? std::chrono::seconds(outbox.expiry) : seconds(outbox.retention),
          .errors = seconds(messaging.error_retention)};
}

}  // namespace mamey::inline v1
