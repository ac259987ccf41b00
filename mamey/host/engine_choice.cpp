#include <mamey/host/detail/engine_choice.hpp>

#include <algorithm>
#include <string_view>

#include <mamey/core/configuration.hpp>
#include <mamey/core/text.hpp>

namespace mamey::inline v1 {
namespace {

constexpr std::string_view store_key = "persistence:store";
constexpr std::string_view transport_key = "messaging:transport";

/// What this framework has, for those who name it without having added it.
struct known_engine {
  std::string_view key, name, feature, target;
};
constexpr known_engine known_engines[] = {
    {store_key, "sqlite", "mamey::sqlite()", "mamey::persistence_sqlite"},
    {store_key, "postgres", "mamey::postgres()", "mamey::persistence_postgres"},
    {transport_key, "rabbitMq", "mamey::rabbitmq()", "mamey::messaging_rabbitmq"},
};

std::string place_of(const configuration& values, std::string_view key) {
  const auto own = values.origin(key);
  return own.empty() ? values.origin(std::string(key) + ":0") : own;  // of a list
}

/// Given, and not emptied by a later layer.
bool is_given(const configuration& values, const std::string& key) {
  if (const auto value = values.find(key)) return !value->empty();
  return !values.keys(key).empty();
}

std::string given(const configuration& values, const std::string& key) { return key + " is set by " + place_of(values, key); }

/// The choice of one kind: what may be chosen, and by which key.
struct candidates {
  const std::string& application;
  std::string_view key;
  std::vector<const engine*> all;
  const configuration& values;

  [[noreturn]] void refuse(std::string message, std::string_view at) const {
    throw configuration_error({{.origin = place_of(values, at), .key = std::string(key), .message = std::move(message)}});
  }

  std::string names() const {
    std::string listed;
    for (const auto* each : all) listed += (each == all.front() ? "" : each == all.back() ? " or " : ", ") + each->name;
    return listed;
  }

  [[noreturn]] void refuse_name(const std::string& name) const {
    std::string others;
    for (const auto& known : known_engines) {
      if (known.key != key || std::ranges::find(all, known.name, &engine::name) != all.end()) continue;
      if (equal_ignoring_case(known.name, name)) {
        refuse(name + " is not part of application " + application + ": add " + std::string(known.feature) + " and link " +
                   std::string(known.target) + ", or mamey::engines(), which has all" +
                   (all.empty() ? "" : "; without it expected " + names()),
               key);
      }
      others += "; with " + std::string(known.feature) + " also " + std::string(known.name);
    }
    refuse("expected " + (all.empty() ? "nothing" : names()) + others + ", got \"" + name + "\"", key);
  }

  const engine* named(const std::string& name, std::string& why) const {
    const auto found = std::ranges::find_if(all, [&](const engine* each) { return equal_ignoring_case(each->name, name); });
    if (found == all.end()) refuse_name(name);
    const auto& needs = (*found)->needs;
    if (!needs.empty() && !is_given(values, needs))
      refuse((*found)->name + " needs " + needs + ", which is not set: expected " + (*found)->needs_form, key);
    why = given(values, std::string(key));
    return *found;
  }

  const engine* configured(std::string& why) const {
    const engine* found = nullptr;
    for (const auto* each : all) {
      if (each->use != engine_use::when_configured || each->needs.empty() || !is_given(values, each->needs)) continue;
      if (found) {
        refuse(
            "expected " + found->name + " or " + each->name + ", as " + given(values, found->needs) + " and " + given(values, each->needs),
            each->needs);
      }
      found = each;
    }
    if (found) why = given(values, found->needs);
    return found;
  }

  /// Null: nothing is named, configured or used always.
  const engine* choose(std::string& why) const {
    if (const auto name = values.find(key); name && !name->empty()) return named(*name, why);
    if (const auto* found = configured(why)) return found;
    const auto always = std::ranges::find(all, engine_use::always, &engine::use);
    return always == all.end() ? nullptr : *always;
  }
};

template <class T>
const offered<T>* offer_of(const std::vector<offered<T>>& all, const engine* chosen) {
  const auto found = std::ranges::find_if(all, [&](const auto& each) { return &each.what == chosen; });
  return found == all.end() ? nullptr : &*found;
}

template <class T>
void add_to(std::vector<const engine*>& into, const std::vector<offered<T>>& all) {
  for (const auto& each : all) into.push_back(&each.what);
}

std::string in_brackets(const std::string& why) { return why.empty() ? std::string() : " (" + why + ")"; }

const offered<std::unique_ptr<durable_queues>>* queues_of(const application_definition& definition, const engine_choice& made) {
  if (!made.store) return definition.queues.empty() ? nullptr : &definition.queues.front();
  const auto found = std::ranges::find_if(definition.queues, [&](const auto& each) { return each.what.name == made.store->what.name; });
  return found == definition.queues.end() ? nullptr : &*found;
}

void choose_store(engine_choice& made, const application_definition& definition, const configuration& values) {
  candidates stores{definition.name, store_key, {}, values};
  add_to(stores.all, definition.stores);
  std::string why;
  made.store = offer_of(definition.stores, stores.choose(why));
  made.in_words = made.store ? "stores in " + made.store->what.name + in_brackets(why) : "has no store";
}

void choose_transport(engine_choice& made, const application_definition& definition, const configuration& values, bool process_is_shared) {
  const engine process{.name = "inProcess", .feature = "mamey::messaging()", .use = engine_use::when_configured};
  const engine queues{.name = "sql", .feature = "mamey::messaging()", .use = engine_use::when_configured};
  candidates transports{definition.name, transport_key, {&process, &queues}, values};
  add_to(transports.all, definition.transports);
  std::string why;
  const auto* chosen = transports.choose(why);
  const auto* own = queues_of(definition, made);
  if (chosen == &queues && !own) {
    transports.refuse("sql needs durable queues, and " +
                          (made.store ? "the store of application " + definition.name + " (" + made.store->what.feature + ") has none"
                                      : "application " + definition.name + " has no store; add one, e.g. .add(mamey::sqlite())"),
                      transport_key);
  }
  if (!chosen) chosen = process_is_shared || !own ? &process : &queues;
  if (chosen == &queues)
    made.queues = own;
  else
    made.transport = offer_of(definition.transports, chosen);
  const auto name = values.find(transport_key);
  for (const auto& each : definition.transports) {
    if (&each.what != chosen && each.what.check_unused) each.what.check_unused(values, name && !name->empty());
  }
  made.in_words += ", messages go through " + chosen->name + in_brackets(why);
}

}  // namespace

engine_choice choose_engines(const application_definition& definition, const configuration& values, bool process_is_shared) {
  engine_choice made;
  choose_store(made, definition, values);
  if (definition.uses_messaging) choose_transport(made, definition, values, process_is_shared);
  return made;
}

}  // namespace mamey::inline v1
