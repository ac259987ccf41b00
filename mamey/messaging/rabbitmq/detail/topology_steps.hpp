#pragma once

/// @file
/// Requests for exchanges, queues and bindings, and what their refusals mean. On the loop.

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/messaging/rabbitmq/detail/link.hpp>

namespace mamey::inline v1::rabbitmq_detail {

/// What a refusal of a request means.
enum class refusal_means : std::uint8_t {
  failure,
  nothing,
  other_form,   ///< of an exchange: used as it is, when it takes messages at all
  kept_longer,  ///< of a queue: used as it is, when it differs in surviving more than we asked for
  awaited,      ///< of an exchange of another service: what needs it is left out
};

/// One request and what a refusal of it means.
struct topology_step {
  std::string what;  ///< `the queue orders/…`
  std::function<void(connection_machine&, std::uint16_t)> send;
  refusal_means refused = refusal_means::failure;
  std::string remedy = {};           ///< what to do about a refusal, with the setting
  std::string exchange = {};         ///< that it asks for or cannot do without
  std::uint16_t otherwise_when = 0;  ///< refused with this code, `otherwise` is sent in its place
  std::vector<topology_step> otherwise = {};
  std::function<void(const amqp_event&)> answered = {};
};

/// Runs steps one after another on a channel that is replaced whenever the broker closes it.
class step_runner final : public channel_user, public std::enable_shared_from_this<step_runner> {
 public:
  struct result {
    bool reached = true;  ///< the broker answered
    std::uint16_t code = 0;
    std::string text, what, remedy;
    std::string awaited;  ///< an exchange of another service that is not there
  };
  using finished = std::function<void(const std::vector<result>& refusals)>;

  step_runner(std::vector<topology_step> steps, finished done);

  void begin(broker_link& link);
  void on_event(amqp_event&& event) override;
  void on_lost(std::string_view reason) override;

 private:
  void refused(std::uint16_t code, std::string text);
  static bool matters(const topology_step& step, std::uint16_t code, const std::string& text);
  void next();
  void fail(std::string_view reason);
  void end();

  std::deque<topology_step> steps_;
  finished done_;
  std::vector<result> refusals_;
  std::set<std::string> absent_;
  std::weak_ptr<broker_link> link_;
  std::uint16_t channel_ = 0;
};

topology_step exchange_step(std::string what, const exchange_request& request, refusal_means refused, std::string remedy);
topology_step queue_step(std::string what, queue_request request, refusal_means refused, std::string remedy);

/// For the log and for `conflict`.
std::string in_words(const step_runner::result& refused);
/// What to do about it, with the setting; may be empty.
std::string remedy_of(const step_runner::result& refused);

}  // namespace mamey::inline v1::rabbitmq_detail
