#include <map>
#include <optional>

#include <mamey/core/json.hpp>
#include <mamey/core/time.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/cqrs/pipeline.hpp>
#include <mamey/messaging/message_headers.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/correlation_context.hpp>
#include <mamey/runtime/propagation.hpp>

namespace mamey::inline v1 {
namespace {

/// A claim with one value is a text, one with several a list of them.
using told_claims = std::map<std::string, json::raw>;

/// The user in the header of ours, also as releases before wrote it.
struct user_on_the_bus {
  std::string id;
  std::optional<bool> is_authenticated;
  std::optional<std::string> role;
  std::vector<std::string> roles;  // .NET services know one
  told_claims claims;
};

/// The correlation context of .NET services: `context_header`, or what an exchange that is believed says.
struct user_in_context {
  std::string id;
  bool is_authenticated = false;
  std::optional<std::string> role;
  std::map<std::string, std::string> claims;
};
struct correlation_context {
  std::string correlation_id, span_context;
  std::optional<user_in_context> user;
  std::optional<std::string> resource_id;
  std::string trace_id;
  std::optional<std::string> connection_id;
  std::string name;
  timestamp created_at;
};
struct told_context {
  std::optional<user_on_the_bus> user;
};

std::string describe_user(const principal& user) {
  user_on_the_bus written{.id = user.id,
                          .is_authenticated = true,
                          .role = user.roles.empty() ? std::string() : user.roles.front(),
                          .roles = user.roles,
                          .claims = {}};
  for (auto at = user.claims.begin(); at != user.claims.end();) {
    const auto end = user.claims.upper_bound(at->first);
    std::vector<std::string> values;
    for (auto each = at; each != end; ++each) values.push_back(each->second);
    written.claims[at->first].text = values.size() == 1 ? json::to_string(values.front(), {.unwritable = json::unwritable::replace})
                                                        : json::to_string(values, {.unwritable = json::unwritable::replace});
    at = end;
  }
  return json::to_string(written, {.unwritable = json::unwritable::replace});
}

/// Claims there have one value: several stand in one text, separated by commas.
std::string describe_context(const principal& user, const envelope& message, const trace_context& trace) {
  correlation_context written{.correlation_id = message.correlation_id,
                              .span_context = {},
                              .user = user_in_context{.id = user.id, .is_authenticated = true, .role = {}, .claims = {}},
                              .resource_id = {},
                              .trace_id = {},
                              .connection_id = {},
                              .name = message.routing_key,
                              .created_at = message.occurred_at};
  if (trace.valid()) {
    const auto text = trace.to_traceparent();  // 00-<32 hex>-<16 hex>-<2 hex>
    written.trace_id = trace.trace_id_text();
    written.span_context = text.substr(3, 32) + ':' + text.substr(36, 16) + ":0:" + (trace.sampled ? '1' : '0');
  }
  if (!user.roles.empty()) written.user->role = user.roles.front();
  for (const auto& [type, value] : user.claims) {
    auto& all = written.user->claims[type];
    all.append(all.empty() ? "" : ",").append(value);
  }
  return ascii_json(json::to_string(written, {.unwritable = json::unwritable::replace}));
}

void add_claim(principal& to, const std::string& type, const json::raw& told) {
  if (told.text.starts_with('"')) {
    to.claims.emplace(type, json::parse<std::string>(told.text));
  } else if (told.text.starts_with('[')) {
    for (const auto& each : json::parse<std::vector<json::raw>>(told.text)) add_claim(to, type, each);
  } else if (told.text != "null") {
    to.claims.emplace(type, told.text);
  }
}

/// Nobody who does not say that he is signed in, where `silence` says nothing of it.
std::shared_ptr<const principal> principal_of(const user_on_the_bus& told, bool silence) {
  if (told.id.empty() || !told.is_authenticated.value_or(silence)) return nullptr;
  principal user{.id = told.id, .roles = told.roles, .claims = {}};
  if (user.roles.empty() && told.role && !told.role->empty()) user.roles.push_back(*told.role);
  for (const auto& [type, value] : told.claims) add_claim(user, type, value);
  return std::make_shared<const principal>(std::move(user));
}

std::shared_ptr<const principal> user_in(std::string_view context) {
  told_context told;
  if (!json::read(context, model_of<told_context>(), &told, {.nulls = json::nulls::keep_value}).empty() || !told.user) return nullptr;
  return principal_of(*told.user, false);
}

/// The context that a message goes out with: the one that came, unless it is of somebody else than the user we believe.
std::string outgoing_context(const ambient_context& context, const envelope& message, const outgoing_rules& rules) {
  const auto& carried = context.correlation_context;
  if (!context.user) return carried;
  if (!carried.empty()) {
    const auto claimed = user_in(carried);
    if (claimed && claimed->id == context.user->id) return carried;
  }
  return rules.with_context ? describe_context(*context.user, message, context.trace) : std::string();
}

}  // namespace

std::shared_ptr<const principal> user_of(const envelope& message) {
  if (message.user.empty()) return nullptr;
  user_on_the_bus told;
  if (json::read(message.user, model_of<user_on_the_bus>(), &told, {.nulls = json::nulls::keep_value}).empty()) {
    if (auto user = principal_of(told, true)) return user;
  }
  return user_in(message.user);
}

namespace {

static_assert(propagation::row_of(propagation::item::correlation_context).message_name == context_header);
static_assert(propagation::row_of(propagation::item::user).from_message == propagation::incoming::trusted, "see user_of");

/// An envelope, for the table of what crosses.
class sent_message final : public propagation::sink {
 public:
  sent_message(envelope& to, const outgoing_rules& rules) : to_(to), rules_(rules) {}
  bool has_header(std::string_view name) const override { return to_.headers.contains(std::string(name)); }
  void set_header(std::string_view name, std::string_view value) override { to_.headers.emplace(name, value); }
  void move_header(std::string_view name, std::string&& value) override { to_.headers.emplace(name, std::move(value)); }
  void set_attribute(propagation::item what, std::string value) override {
    switch (what) {
      case propagation::item::trace:
        to_.traceparent = std::move(value);
        break;
      case propagation::item::correlation_id:
        to_.correlation_id = std::move(value);
        break;
      case propagation::item::causation_id:
        to_.causation_id = std::move(value);
        break;
      case propagation::item::tenant:
        to_.tenant = std::move(value);
        break;
      case propagation::item::user:
        to_.user = std::move(value);
        break;
      default:
        break;
    }
  }
  std::string text_of(const principal& user) const override { return describe_user(user); }
  std::string correlation_context_of(const ambient_context& context) const override { return outgoing_context(context, to_, rules_); }

 private:
  envelope& to_;
  const outgoing_rules& rules_;
};

}  // namespace

envelope make_envelope(const recorded_message& message, const outgoing_rules& rules) {
  const auto names = names_of(unqualified(message.info->key->name), message.info->options, rules.names);
  envelope made;
  made.id = uuid::v7().to_compact_string();
  made.correlation_id = made.id;
  made.type = message.info->name;
  made.version = message.info->options.version;
  made.min_version = message.info->options.min_version;
  made.source = rules.service;
  made.occurred_at = wall_now();
  made.key = message.key;
  made.stream = message.stream;
  made.position = message.position;
  json::write(made.body, *message.info->model, message.object.get());
  made.exchange = names.exchange;
  made.routing_key = names.routing_key;
  sent_message out(made, rules);
  propagation::send_with_message(current_context(), out);
  if (message.is_command) mark_as_command(made);
  return made;
}

}  // namespace mamey::inline v1
