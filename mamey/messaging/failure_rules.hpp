#pragma once

/// @file
/// For services.
/// What happens with a message whose handler failed: rules by error code, by handler and by message type, beside the settings for all
/// messages. Code declares them with `module::on_failure`, and the configuration in section `messaging:recoverability`.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mamey::inline v1 {

enum class failure_reaction : std::uint8_t {
  retry,        ///< immediate retries, delayed retries, then the error store
  discard,      ///< the message is settled, logged and counted, and kept nowhere
  error_store,  ///< to the error store at once
  pause,        ///< the message goes back to its queue, and its subscription handles nothing until it is resumed
};

/// What happens with a message whose handler failed. Each setting is looked for on its own: what is empty here is taken from the next rule
/// of the precedence (docs/messaging.md).
struct failure_rule {
  std::optional<failure_reaction> reaction =
      {};  ///< `retry`, `discard`, `errorStore` or `pause`. Empty with retries given: `retry`. Empty with `pauseFor` given: `pause`
  std::optional<int> immediate_retries = {};                                   ///< instead of `messaging:immediateRetries`
  std::optional<std::vector<std::chrono::milliseconds>> delayed_retries = {};  ///< instead of `messaging:delayedRetries`
  std::optional<std::chrono::milliseconds> pause_for =
      {};  ///< how long a pause lasts; empty: until an operator resumes the subscription, or the next start
};

/// The rules of one place, the code or the configuration, by name.
struct failure_rules {
  std::map<std::string, failure_rule> error_codes;    ///< by the code of the error: `card_declined`
  std::map<std::string, failure_rule> handlers;       ///< by the name of the handler: `charge_card`
  std::map<std::string, failure_rule> message_types;  ///< by the name of the message type: `PaymentDue`
};

}  // namespace mamey::inline v1
