#pragma once

/// @file
/// Opens a session: host names resolved first, each address tried in turn, all under one deadline.

#include <memory>
#include <string>

#include <mamey/persistence/postgres/detail/connection_string.hpp>
#include <mamey/runtime/event_loop.hpp>

struct pg_conn;

namespace mamey::inline v1::postgres_detail {

struct close_session {
  void operator()(pg_conn* session) const noexcept;
};
using session_handle = std::unique_ptr<pg_conn, close_session>;

/// Throws `unavailable` with the server and the cause: `database_refused` when the server, or the check of its certificate, turned us away
/// (to try again changes nothing), `database_unreachable` otherwise. Throws `deadline_exceeded` when the ambient deadline passed.
session_handle open_session(const connection_target& target, steady_time until);

}  // namespace mamey::inline v1::postgres_detail
