#pragma once

/// @file
/// For the framework.
/// The step of the pipeline that checks the user.

#include <string_view>

#include <mamey/cqrs/handler.hpp>

namespace mamey::inline v1 {

/// Whether the user of the ambient context may have `message` handled. Throws `unauthorized` (nobody is signed in), `forbidden`. Neither is
/// retried.
void authorize(const message_info& message);
/// The same of a handler, which may ask for a user where its message asks for none.
void authorize(const handler_entry& handler);
/// The same for anything else that has a rule; `what` names it in the error.
void authorize(const access_rule& rule, std::string_view what);

}  // namespace mamey::inline v1
