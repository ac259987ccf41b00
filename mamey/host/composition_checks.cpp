#include <mamey/host/detail/composition_checks.hpp>

#include <map>
#include <set>
#include <string>
#include <string_view>

#include <mamey/core/error.hpp>
#include <mamey/host/detail/endpoints.hpp>
#include <mamey/messaging/failure_rules.hpp>

namespace mamey::inline v1 {

/// What a module declares for the bus would wait for ever.
void check_needs_no_messages(const module_definition& part, const std::string& application) {
  const auto refuse = [&](std::string_view what, std::string_view type) {
    throw internal_error("no_messaging", "{} {} {}, but application {} has no messaging; add it: .add(mamey::messaging())",
                         place_of(part.name), what, type, application);
  };
  for (const auto& each : part.handlers) {
    if (each.kind == handler_kind::integration_event) refuse("handles the event", each.message->name);
  }
  for (const auto* each : part.subscribed) refuse("subscribes to", each->name);
  for (const auto* each : part.published) refuse("publishes", each->name);
  for (const auto& each : part.mappings) refuse("tells others of", each.from->name);
  if (!part.failures) return;
  const auto& failures = *static_cast<const failure_rules*>(part.failures.get());
  for (const auto* rules : {&failures.error_codes, &failures.handlers, &failures.message_types}) {
    if (!rules->empty()) refuse("has a rule of on_failure for", rules->begin()->first);
  }
}

void check_endpoints(const application_definition& of, const handler_registry& handlers) {
  for (const auto& part : of.modules) {
    for (const auto& each : part.endpoints) {
      const auto* const handler = each.in_place ? nullptr : handlers.command_or_query(*each.message->key);
      if (each.method != http_method::get || !handler || handler->kind != handler_kind::command) continue;
      throw internal_error("command_behind_get",
                           "GET {} in {} is bound to {}, which {} handles as a command: a GET may be repeated at any time and "
                           "changes nothing; bind it with .post, .put, .patch or .del, or make it a query",
                           each.pattern, place_of(part.name), handler->message->name, handler->name);
    }
  }
}

namespace {

/// The first struct within `model` whose check nobody could call.
const type_model* find_inner_check(const type_model& model, std::set<const type_model*>& seen) {
  const auto look_at = [&seen](const type_model& inner) -> const type_model* {
    if (inner.checks_with_services) return &inner;
    return seen.insert(&inner).second ? find_inner_check(inner, seen) : nullptr;
  };
  if (model.element) return look_at(model.element());
  for (const auto& member : model.members) {
    if (const auto* found = look_at(member.type())) return found;
  }
  return nullptr;
}

}  // namespace

void check_checks(const handler_registry& handlers) {
  for (const auto& each : handlers.all()) {
    std::set<const type_model*> seen;
    if (const auto* inner = find_inner_check(*each->message->model, seen)) {
      throw internal_error(
          "check_invalid",
          "the check of {} asks for services, but {} stands inside of {}: only the check of a message may ask for them, so check it there",
          inner->key->name, unqualified(inner->key->name), each->message->name);
    }
  }
}

/// Types and functions go by their names without namespaces: on the bus, in the inbox, in tables. Two of one name would be taken for each
/// other.
void check_names(const application_definition& of, const handler_registry& handlers, const naming_conventions& names) {
  std::map<std::string, const message_info*> types;
  const auto add = [&](std::string_view role, const message_info& info) {
    auto key = std::string(role) + " " + std::string(info.name);
    if (role == "publishes")
      key += " " + names_of(unqualified(info.key->name), info.options, names).exchange + " " + std::to_string(info.options.version);
    const auto [place, fresh] = types.try_emplace(std::move(key), &info);
    if (fresh || place->second == &info) return;
    throw internal_error("name_taken",
                         "application {} {} {} and {}, which are both called {} on the bus: give one of them a name of its own, `static "
                         "constexpr mamey::message_options message{.name = \"Other{}\"};`",
                         of.name, role, place->second->key->name, info.key->name, info.name, info.name);
  };
  std::map<std::string_view, const handler_entry*> named;
  for (const auto& each : handlers.all()) {
    const bool is_command = each->kind == handler_kind::command;
    if (!of.uses_messaging || (each->kind != handler_kind::integration_event && !is_command)) continue;
    if (is_command && each->result && !handlers.is_subscribed(*each->message)) continue;
    add("handles", *each->message);
    const auto [place, fresh] = named.try_emplace(each->name, each.get());
    if (fresh) continue;
    throw internal_error("name_taken",
                         "{} and {} are both called {} where messages wait for their handler: give one of these functions or classes "
                         "another name (and say .renamed<…>(\"{}\") if it had run already)",
                         place->second->full_name, each->full_name, each->name, each->name);
  }
  if (!of.uses_messaging) return;
  for (const auto& part : of.modules) {
    for (const auto* each : part.published) add("publishes", *each);
    for (const auto& each : part.mappings) add("publishes", *each.to);
    for (const auto& each : part.rejections) add("publishes", *each.to);
  }
  for (const auto& each : handlers.all()) {
    for (const auto& raised : raised_contracts(*each, handlers)) add("publishes", *raised.event);
  }
}

std::vector<raised_contract> raised_contracts(const handler_entry& handler, const handler_registry& handlers) {
  std::vector<raised_contract> found;
  if (handler.only_reads) return found;
  for (const auto* stored : handler.collections) {
    if (!stored->base) continue;
    for (const auto* event : detail::raised_events(*stored->base)) {
      if (handlers.is_published(*event) && !handlers.mapping(*event->key)) found.push_back({.by = stored, .event = event});
    }
  }
  return found;
}

}  // namespace mamey::inline v1
