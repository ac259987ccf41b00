#pragma once

/// @file
/// The outbox and inbox of a .NET service, imported once: its tables know neither claims nor an order of commits, so our statements do not
/// run on them.

#include <mamey/persistence/postgres/detail/connection.hpp>
#include <mamey/persistence/postgres/options.hpp>

namespace mamey::inline v1::postgres_detail {

/// One transaction, with their tables locked against everybody: what was not sent goes into our outbox in its order and is marked as sent
/// there; what was handled and is still to be remembered goes into our inbox, once for each named handler. What was taken over is not
/// met again, so that every start may call it. Throws `unavailable` (start refused), and nothing has changed, when tables are missing or in
/// use or a row cannot be read.
void take_over(connection& on, const postgres_options::takeover& options, const postgres_environment& environment);

}  // namespace mamey::inline v1::postgres_detail
