#include <mamey/messaging/rabbitmq/detail/delay_queues.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace mamey::inline v1::rabbitmq_detail {

namespace {

const std::string exchange_header = "mamey-delayed-exchange";
const std::string key_header = "mamey-delayed-routing-key";
const std::string starts_header = "mamey-delayed-starts";

std::string taken(envelope& from, const std::string& header) {
  const auto found = from.headers.extract(header);
  return found ? found.mapped() : std::string();
}

}  // namespace

std::string delay_queue_of(const std::string& queue, std::chrono::milliseconds wait) {
  return queue + ".delay-" + std::to_string(wait.count());
}

queue_request delay_queue_request(const std::string& queue, std::chrono::milliseconds wait) {
  // At least once, a message leaves the delay queue only when its own queue has confirmed it; RabbitMQ wants reject-publish with it.
  return {.name = delay_queue_of(queue, wait),
          .arguments = {{"x-queue-type", std::string("quorum")},
                        {"x-message-ttl", std::int64_t{wait.count()}},
                        {"x-dead-letter-exchange", std::string()},
                        {"x-dead-letter-routing-key", queue},
                        {"x-dead-letter-strategy", std::string("at-least-once")},
                        {"x-overflow", std::string("reject-publish")}}};
}

std::optional<std::chrono::milliseconds> fixed_wait(std::span<const std::chrono::milliseconds> waits, std::chrono::milliseconds wished) {
  if (waits.empty() || wished.count() <= 0) return std::nullopt;
  auto found = *std::ranges::min_element(waits);
  for (const auto each : waits) {
    if (each <= wished) found = std::max(found, each);
  }
  return found;
}

envelope as_waiting(envelope message, const std::string& delay_queue, int starts) {
  message.headers[exchange_header] = std::exchange(message.exchange, std::string());
  message.headers[key_header] = std::exchange(message.routing_key, delay_queue);
  message.headers[starts_header] = std::to_string(starts);
  return message;
}

std::string take_first_exchange(envelope& delivered) {
  auto exchange = taken(delivered, exchange_header);
  auto key = taken(delivered, key_header);
  if (!delivered.exchange.empty()) {
    delivered.headers.erase(starts_header);
    return {};
  }
  if (exchange.empty() && key.empty()) return {};
  delivered.exchange = exchange;
  delivered.routing_key = std::move(key);
  return exchange;
}

int take_starts(envelope& delivered) {
  const auto text = taken(delivered, starts_header);
  int starts = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), starts);
  return wrong == std::errc() && end == text.data() + text.size() ? std::clamp(starts, 0, 1'000'000) : 0;
}

}  // namespace mamey::inline v1::rabbitmq_detail
