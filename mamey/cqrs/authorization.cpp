#include <mamey/cqrs/authorization.hpp>

#include <algorithm>
#include <string>

#include <mamey/core/error.hpp>
#include <mamey/runtime/context.hpp>

namespace mamey::inline v1 {

void authorize(const message_info& message) { authorize(message.access, message.name); }

void authorize(const handler_entry& handler) {
  authorize(*handler.message);
  if (handler.needs_user) authorize(access_rule{.authenticated = true}, handler.message->name);
}

std::shared_ptr<principal> default_recipe<principal>::make(const unit_of_work&) {
  const auto& user = current_context().user;
  if (!user) throw unauthorized("unauthorized", "a user who is signed in is needed");
  return std::make_shared<principal>(*user);
}

void authorize(const access_rule& rule, std::string_view what) {
  if (!rule.authenticated) return;
  const auto& user = current_context().user;
  if (!user) throw unauthorized("unauthorized", "{} needs a user who is signed in", what);

  std::string wanted;
  for (const auto role : rule.any_of) {
    if (role.empty()) continue;
    if (std::ranges::find(user->roles, role) != user->roles.end()) return;
    wanted.append(wanted.empty() ? "" : " or ").append(role);
  }
  if (!wanted.empty()) throw forbidden("forbidden", "{} needs the role {}", what, wanted);
}

}  // namespace mamey::inline v1
