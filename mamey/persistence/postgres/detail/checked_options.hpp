#pragma once

/// @file
/// What is refused before a connection is made.

#include <mamey/persistence/postgres/detail/connection_string.hpp>
#include <mamey/persistence/postgres/options.hpp>

namespace mamey::inline v1::postgres_detail {

/// `options` with what the connection string says of them. Throws `unavailable` (start refused) with a sentence that names the key.
postgres_options checked(postgres_options options, const connection_target& target);

}  // namespace mamey::inline v1::postgres_detail
