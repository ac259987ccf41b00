#pragma once

/// @file
/// Connection strings as .NET services write them, and PostgreSQL's own, as libpq's parameters.

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mamey::inline v1::postgres_detail {

struct server_address {
  std::string host;  ///< name, address, or folder of a socket (begins with `/`)
  std::string port = "5432";
};

/// What a connection string says.
struct connection_target {
  std::vector<server_address> servers;                  ///< tried in this order
  std::map<std::string, std::string> parameters;        ///< libpq's, without hosts and ports
  std::optional<std::string> search_path;               ///< its first schema, where tables are made
  std::vector<std::string> further_schemas;             ///< looked for tables behind it, before `public`
  std::optional<std::chrono::seconds> connect_timeout;  ///< Npgsql's `Timeout`
  std::optional<std::chrono::seconds> command_timeout;
  std::optional<int> most_connections;  ///< Npgsql's `Maximum Pool Size`

  /// `app@db:5432/orders`: for messages. Never the password.
  std::string description() const;
};

/// Reads Npgsql's dialect, `postgres://` and `postgresql://` URIs, and libpq's `host=db dbname=orders`. Throws `unavailable` (start
/// refused) naming the key that is not understood, never a secret.
connection_target parse_connection_string(const std::string& text);

}  // namespace mamey::inline v1::postgres_detail
