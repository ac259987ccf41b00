#include <mamey/messaging/failure_plan.hpp>

#include <algorithm>
#include <set>

#include <mamey/core/ascii.hpp>
#include <mamey/core/text.hpp>

namespace mamey::inline v1 {

namespace {

std::string lower(std::string_view name) {
  std::string text(name);
  std::ranges::transform(text, text.begin(), ascii_lower);
  return text;
}

/// Names in the configuration come in any case: an environment variable is in capitals.
const failure_rule* find(const std::map<std::string, failure_rule>& rules, std::string_view name) {
  const auto found = std::ranges::find_if(rules, [&](const auto& each) { return equal_ignoring_case(each.first, name); });
  return found == rules.end() ? nullptr : &found->second;
}

std::optional<failure_reaction> reaction_of(const failure_rule& rule) {
  if (rule.reaction) return rule.reaction;
  if (rule.immediate_retries || rule.delayed_retries) return failure_reaction::retry;
  if (rule.pause_for) return failure_reaction::pause;
  return std::nullopt;
}

/// The rules that apply, the strongest first. What holds for all gives numbers, and never a reaction.
class precedence {
 public:
  precedence(const failure_levels& levels, std::string_view handler, std::string_view message_type, std::string_view code) {
    add_all(levels.configured, handler, message_type, code);
    rules_.push_back({&levels.configured_for_all, reach::all});
    add_all(levels.declared, handler, message_type, code);
    rules_.push_back({&levels.for_all, reach::all});
  }

  failure_decision decide() const {
    failure_decision made;
    for (const auto& each : rules_) {
      const auto reaction = each.of == reach::all ? std::nullopt : reaction_of(*each.rule);
      if (!reaction) continue;
      made.reaction = *reaction;
      made.permanent_too = *reaction == failure_reaction::retry && each.of == reach::code;
      if (*reaction == failure_reaction::pause) made.pause_for = each.rule->pause_for.value_or(std::chrono::milliseconds(0));
      break;
    }
    made.immediate_retries = first(&failure_rule::immediate_retries).value_or(0);
    made.delayed_retries = first(&failure_rule::delayed_retries).value_or(std::vector<std::chrono::milliseconds>());
    return made;
  }

 private:
  enum class reach : std::uint8_t { code, handler, type, all };
  struct applying {
    const failure_rule* rule;
    reach of;
  };

  void add_all(const failure_rules& from, std::string_view handler, std::string_view message_type, std::string_view code) {
    add(find(from.error_codes, code), reach::code);
    add(find(from.handlers, handler), reach::handler);
    add(find(from.message_types, message_type), reach::type);
  }
  void add(const failure_rule* rule, reach of) {
    if (rule) rules_.push_back({rule, of});
  }
  template <class Value>
  std::optional<Value> first(std::optional<Value> failure_rule::* setting) const {
    for (const auto& each : rules_) {
      if (each.rule->*setting) return each.rule->*setting;
    }
    return std::nullopt;
  }

  std::vector<applying> rules_;
};

void check_rule(const failure_rule& rule, const std::string& place, std::vector<std::string>& problems) {
  const auto require = [&](bool holds, const std::string& sentence) {
    if (!holds) problems.push_back(place + sentence);
  };
  const bool gives_retries = rule.immediate_retries || rule.delayed_retries;
  const auto reaction = reaction_of(rule);
  require(reaction.has_value(), " says nothing: expected reaction (retry, discard, errorStore, pause), immediateRetries or delayedRetries");
  require(!gives_retries || reaction == failure_reaction::retry, " gives retries, and its reaction is not retry: remove one of them");
  require(!rule.pause_for || reaction == failure_reaction::pause,
          ".pauseFor is for the reaction pause: remove it, or make the reaction pause");
  require(!rule.pause_for || rule.pause_for->count() > 0, ".pauseFor must be above 0; without it, a pause lasts until it is resumed");
  if (rule.immediate_retries) require(*rule.immediate_retries >= 0 && *rule.immediate_retries <= 100, ".immediateRetries must be 0 to 100");
  if (!rule.delayed_retries) return;
  require(rule.delayed_retries->size() <= 100, ".delayedRetries takes at most 100 delays");
  require(std::ranges::all_of(*rule.delayed_retries, [](auto each) { return each.count() > 0; }),
          ": each of delayedRetries must be above 0");
}

}  // namespace

const failure_decision& failure_plan::of(std::string_view code) const {
  if (by_code.empty()) return usual;
  const auto found = by_code.find(lower(code));
  return found == by_code.end() ? usual : found->second;
}

int failure_plan::most_immediate_retries() const {
  int most = usual.immediate_retries;
  for (const auto& [code, decided] : by_code) most = std::max(most, decided.immediate_retries);
  return most;
}

std::size_t failure_plan::most_delayed_retries() const {
  auto most = usual.delayed_retries.size();
  for (const auto& [code, decided] : by_code) most = std::max(most, decided.delayed_retries.size());
  return most;
}

failure_plan plan_of(const failure_levels& levels, std::string_view handler, std::string_view message_type) {
  failure_plan plan{.usual = precedence(levels, handler, message_type, {}).decide(), .by_code = {}};
  for (const auto* rules : {&levels.configured, &levels.declared}) {
    for (const auto& [code, rule] : rules->error_codes)
      plan.by_code.try_emplace(lower(code), precedence(levels, handler, message_type, code).decide());
  }
  return plan;
}

std::vector<std::string> problems_of(const failure_rules& rules, std::string_view place) {
  std::vector<std::string> problems;
  const auto check = [&](const char* what, const std::map<std::string, failure_rule>& named) {
    for (const auto& [name, rule] : named) check_rule(rule, std::string(place) + what + name, problems);
  };
  check(".errorCodes.", rules.error_codes);
  check(".handlers.", rules.handlers);
  check(".messageTypes.", rules.message_types);
  return problems;
}

}  // namespace mamey::inline v1
