#include <mamey/cqrs/authorization.hpp>

#include <algorithm>
#include <string>

#include <mamey/core/error.hpp>
#include <mamey/runtime/context.hpp>

namespace mamey::inline v1 {

void authorize(const message_info& message) {
  const auto& rule = message.access;
  if (!rule.authenticated) return;
  const auto& user = current_context().user;
  if (!user) throw unauthorized("unauthorized", "{} needs a user who is signed in", message.name);

  std::string wanted;
  for (const auto role : rule.any_of) {
    if (role.empty()) continue;
    if (std::ranges::find(user->roles, role) != user->roles.end()) return;
    wanted.append(wanted.empty() ? "" : " or ").append(role);
  }
  if (!wanted.empty()) throw forbidden("forbidden", "{} needs the role {}", message.name, wanted);
}

}  // namespace mamey::inline v1
