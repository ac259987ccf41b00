#pragma once

/// @file
/// For the framework.
/// The body of a message as an object: read where it is of our form, refused by name where it is another library's.

#include <memory>

#include <mamey/domain/message.hpp>
#include <mamey/messaging/envelope.hpp>

namespace mamey::inline v1 {

enum class message_purpose { command, event };

/// Throws validation_error with every violation, domain_error `foreign_form` for an envelope of another library, or an object none of whose members the type
/// has: readers are tolerant, so it would pass for a message with nothing in it. An empty object is one, as it is to .NET. All of it is permanent.
std::shared_ptr<void> read_body(const message_info& info, const envelope& message, message_purpose purpose);

}  // namespace mamey::inline v1
