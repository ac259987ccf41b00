#include <mamey/host/detail/failure_levels.hpp>

#include <algorithm>
#include <mutex>
#include <set>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/core/suggestion.hpp>
#include <mamey/core/text.hpp>
#include <mamey/host/detail/endpoints.hpp>
#include <mamey/messaging/options.hpp>
#include <mamey/observability/log.hpp>

namespace mamey::inline v1 {
namespace {

const logger log{"mamey.messaging"};

using named_rules = std::map<std::string, failure_rule>;
using names = std::set<std::string, std::less<>>;

constexpr std::string_view section = "messaging:recoverability";

std::string joined(const names& all) {
  std::string text;
  for (const auto& each : all) text += (text.empty() ? "" : ", ") + each;
  return text.empty() ? "none: nothing is handled from the bus or later" : text;
}

std::string suggested(std::string_view word, const names& known) { return suggestion(word, {known.begin(), known.end()}); }

/// The handlers that get messages from the bus, or later, and the types of these.
struct known_names {
  names handlers, types;
  std::vector<std::pair<std::string, std::string>> handled;  ///< handler, type

  explicit known_names(const handler_registry& all) {
    for (const auto& each : all.all()) {
      const bool is_command = each->kind == handler_kind::command;
      if (each->kind != handler_kind::integration_event && !(is_command && (!each->result || all.is_subscribed(*each->message)))) continue;
      handlers.insert(each->name);
      types.insert(std::string(each->message->name));
      handled.emplace_back(each->name, each->message->name);
    }
  }
};

std::string unknown(std::string_view what, std::string_view name, const names& known) {
  return "no " + std::string(what) + " of messages is called " + std::string(name) + suggested(name, known) + "; expected one of " +
         joined(known);
}

/// Of the first setting of the rule.
std::string origin_of(const configuration& values, const std::string& key) {
  const auto settings = values.keys(key);
  if (settings.empty()) return values.origin(key);
  return origin_of(values, key + ":" + settings.front());
}

void check_configured(const named_rules& rules, const char* list, std::string_view what, const names& known, const configuration& values,
                      std::vector<configuration_problem>& problems) {
  for (const auto& [name, rule] : rules) {
    if (std::ranges::any_of(known, [&own = name](const std::string& each) { return equal_ignoring_case(each, own); })) continue;
    const auto key = std::string(section) + ":" + list + ":" + name;
    problems.push_back({.origin = origin_of(values, key), .key = key, .message = unknown(what, name, known)});
  }
}

void check_declared(const named_rules& rules, std::string_view what, const names& known, std::string_view module) {
  for (const auto& [name, rule] : rules) {
    if (known.contains(name)) continue;
    throw internal_error("no_handler", "on_failure in {}: {}", place_of(module), unknown(what, name, known));
  }
}

void merge(named_rules& into, const named_rules& more, std::string_view module) {
  for (const auto& [name, rule] : more) {
    if (into.try_emplace(name, rule).second) continue;
    throw internal_error("failure_rule_taken", "{} has a rule of on_failure for {}, and so has another module: expected one",
                         place_of(module), name);
  }
}

failure_rules declared_rules(const application_definition& of, const known_names& known) {
  failure_rules all;
  for (const auto& part : of.modules) {
    if (!part.failures) continue;
    const auto& own = *static_cast<const failure_rules*>(part.failures.get());
    for (const auto& wrong : problems_of(own, "on_failure in " + place_of(part.name)))
      throw internal_error("failure_rule_invalid", "{}", wrong);
    check_declared(own.handlers, "handler", known.handlers, part.name);
    check_declared(own.message_types, "type", known.types, part.name);
    merge(all.error_codes, own.error_codes, part.name);
    merge(all.handlers, own.handlers, part.name);
    merge(all.message_types, own.message_types, part.name);
  }
  return all;
}

/// Whether a file, a variable or an argument has it.
bool is_given(const configuration& values, const std::string& key) {
  if (!values.contains(key)) return false;
  const auto children = values.keys(key);
  const auto origin = values.origin(children.empty() ? key : key + ":" + children.front());
  return origin != default_origin;
}

constexpr const char* immediate_key = "messaging:immediateRetries";
constexpr const char* delayed_key = "messaging:delayedRetries";

}  // namespace

failure_levels failure_levels_of(const application_definition& of, const handler_registry& handlers, const configuration& values) {
  const auto options = values.bind<messaging_options>("messaging");
  const known_names known(handlers);
  failure_levels levels{.configured = options.recoverability,
                        .configured_for_all = {},
                        .declared = declared_rules(of, known),
                        .for_all = {.immediate_retries = options.immediate_retries, .delayed_retries = options.delayed_retries}};
  if (is_given(values, immediate_key)) levels.configured_for_all.immediate_retries = options.immediate_retries;
  if (is_given(values, delayed_key)) levels.configured_for_all.delayed_retries = options.delayed_retries;
  std::vector<configuration_problem> problems;
  check_configured(levels.configured.handlers, "handlers", "handler", known.handlers, values, problems);
  check_configured(levels.configured.message_types, "messageTypes", "type", known.types, values, problems);
  if (!problems.empty()) throw configuration_error(std::move(problems));
  std::vector<violation> too_long;
  for (const auto& [handler, type] : known.handled) {
    for (auto& wrong : problems_of(options, handler, plan_of(levels, handler, type)))
      too_long.push_back({.path = "messaging", .code = "invalid", .message = std::move(wrong)});
  }
  if (!too_long.empty()) throw validation_error(std::move(too_long), "invalid_messaging");
  return levels;
}

void tell_of_failure_levels(const failure_levels& levels, const std::string& application, const configuration& values) {
  const auto tell = [&](const named_rules& rules) {
    for (const auto& [name, rule] : rules) {
      const bool immediate = rule.immediate_retries && levels.configured_for_all.immediate_retries;
      if (!immediate && !(rule.delayed_retries && levels.configured_for_all.delayed_retries)) continue;
      const std::string key = immediate ? immediate_key : delayed_key;
      log.warning(
          "{application}: the retries that on_failure declares for {name} give way to {key} ({origin}), as the configuration beats code: "
          "set "
          "them in {section}, or remove {key}",
          application, name, key, origin_of(values, key), section, key);
    }
  };
  tell(levels.declared.error_codes);
  tell(levels.declared.handlers);
  tell(levels.declared.message_types);
  names declared;
  for (const auto& [code, rule] : levels.declared.error_codes) declared.insert(code);
  for (const auto& [code, rule] : levels.configured.error_codes) {
    const auto meant = declared.contains(code) ? std::string() : suggested(code, declared);
    if (!meant.empty()) log.warning("{section}:errorCodes:{code} is no code that a rule in code has{suggestion}", section, code, meant);
  }
}

struct codes_without_rule::state {
  names codes;
  std::mutex guard;
  names told;  ///< guarded
};

codes_without_rule::codes_without_rule(const failure_levels& levels) : state_(std::make_unique<state>()) {
  for (const auto* rules : {&levels.configured, &levels.declared}) {
    for (const auto& [code, rule] : rules->error_codes) state_->codes.insert(code);
  }
}
codes_without_rule::~codes_without_rule() = default;

void codes_without_rule::met(std::string_view code) {
  auto& mine = *state_;
  if (mine.codes.empty() || std::ranges::any_of(mine.codes, [&](const std::string& each) { return equal_ignoring_case(each, code); }))
    return;
  const auto meant = suggested(code, mine.codes);
  if (meant.empty()) return;
  {
    const std::lock_guard lock(mine.guard);
    if (mine.told.size() > 100 || !mine.told.emplace(code).second) return;
  }
  log.warning("a failure has the code {code}, for which there is no rule{suggestion} (rules: {codes})", code, meant, joined(mine.codes));
}

}  // namespace mamey::inline v1
