#pragma once

/// @file
/// For the framework.
/// The rules for failures, resolved for one handler: which reaction an error code has. Pure, like the machines that ask it.

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/messaging/failure_rules.hpp>

namespace mamey::inline v1 {

/// All rules of an application. The configuration beats code; within each, the error code beats the handler, the handler beats the message
/// type, and the message type beats what holds for all.
struct failure_levels {
  failure_rules configured;         ///< `messaging:recoverability`
  failure_rule configured_for_all;  ///< `messaging:immediateRetries` and `messaging:delayedRetries`, where the configuration gives them
  failure_rules declared;           ///< in code
  failure_rule for_all;             ///< what holds where nothing else does: both numbers of retries
};

struct failure_decision {
  failure_reaction reaction = failure_reaction::retry;
  int immediate_retries = 0;
  std::vector<std::chrono::milliseconds> delayed_retries;
  std::chrono::milliseconds pause_for{0};  ///< of a pause; 0: until it is resumed
  bool permanent_too = false;              ///< a rule for this very code asks for retries: also of errors that are permanent
};

/// The reactions of one handler.
struct failure_plan {
  failure_decision usual;                           ///< to a code without a rule
  std::map<std::string, failure_decision> by_code;  ///< codes in lower case

  const failure_decision& of(std::string_view code) const;
  int most_immediate_retries() const;
  std::size_t most_delayed_retries() const;
};

failure_plan plan_of(const failure_levels& levels, std::string_view handler, std::string_view message_type);

/// What is wrong with the rules of one place, one sentence each: `immediateRetries` beside `discard`, a bound. `place` stands before the names:
/// `messaging.recoverability`.
std::vector<std::string> problems_of(const failure_rules& rules, std::string_view place);

}  // namespace mamey::inline v1
