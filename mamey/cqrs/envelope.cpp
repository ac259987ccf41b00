#include <map>

#include <mamey/core/json.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/cqrs/pipeline.hpp>
#include <mamey/messaging/message_headers.hpp>
#include <mamey/runtime/baggage.hpp>
#include <mamey/runtime/context.hpp>

namespace mamey::inline v1 {
namespace {

// The user as the reference's correlation context writes it.
struct user_on_the_bus {
  std::string id;
  bool is_authenticated = true;
  std::string role;
  std::vector<std::string> roles;  // ours: the reference knows one
  std::map<std::string, std::string> claims;
};

std::string describe_user(const principal& user) {
  user_on_the_bus written{.id = user.id, .role = user.roles.empty() ? std::string() : user.roles.front(), .roles = user.roles, .claims = {user.claims.begin(), user.claims.end()}};
  std::string text;
  json::write(text, model_of<user_on_the_bus>(), &written);
  return text;
}

}  // namespace

std::shared_ptr<const principal> user_of(const envelope& message) {
  user_on_the_bus told;
  if (message.user.empty() || !json::read(message.user, model_of<user_on_the_bus>(), &told).empty()) return nullptr;
  if (told.id.empty() || !told.is_authenticated) return nullptr;
  if (told.roles.empty() && !told.role.empty()) told.roles.push_back(told.role);
  return std::make_shared<const principal>(principal{.id = std::move(told.id), .roles = std::move(told.roles), .claims = {told.claims.begin(), told.claims.end()}});
}

envelope make_envelope(const recorded_message& message, const outgoing_rules& rules) {
  const auto& context = current_context();
  const auto names = names_of(unqualified(message.info->key->name), message.info->options, rules.names);
  envelope made;
  made.id = uuid::v7().to_compact_string();
  made.correlation_id = context.correlation_id.empty() ? made.id : context.correlation_id;
  made.causation_id = context.causation_id;
  made.type = message.info->name;
  made.version = message.info->options.version;
  made.min_version = message.info->options.min_version;
  made.source = rules.service;
  made.occurred_at = wall_now();
  made.key = message.key;
  made.stream = message.stream;
  made.position = message.position;
  made.tenant = context.tenant;
  if (context.trace.valid()) made.traceparent = context.trace.to_traceparent();
  if (auto baggage = to_baggage_text(context.baggage); !baggage.empty()) made.headers["baggage"] = std::move(baggage);
  if (context.user) made.user = describe_user(*context.user);
  json::write(made.body, *message.info->model, message.object.get());
  made.exchange = names.exchange;
  made.routing_key = names.routing_key;
  if (message.is_command) mark_as_command(made);
  return made;
}

}  // namespace mamey::inline v1
