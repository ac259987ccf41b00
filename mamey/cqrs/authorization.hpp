#pragma once

/// @file
/// The step of the pipeline that looks at who asks.

#include <mamey/domain/message.hpp>

namespace mamey::inline v1 {

/// Whether the user of the ambient context may have `message` handled. Throws `unauthorized` (nobody is signed in), `forbidden`. Neither is retried.
void authorize(const message_info& message);

}  // namespace mamey::inline v1
