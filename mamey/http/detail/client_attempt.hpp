#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <string>

#include <mamey/http/client.hpp>
#include <mamey/http/detail/connection_pool.hpp>
#include <mamey/http/resilience.hpp>
#include <mamey/http/url.hpp>

namespace mamey::inline v1::http::detail {

/// One try of a call, without any opinion about further ones.
struct attempt_result {
  attempt_outcome outcome;
  client_response response;
  std::exception_ptr failure;  ///< set unless answered
  enum class connection : std::uint8_t { none, opened, reused } over = connection::none;
};

struct attempt {
  const client_options& options;
  std::chrono::milliseconds try_timeout;
  const url_parts& to;
  const std::string& peer;    ///< the name that its certificate must have
  const std::string& origin;  ///< whose connections may serve it: `host:port`, `https://host:port`, `pricing at https://10.0.0.7:5003`
  const tls_context* tls;     ///< null: in clear
  http_method method;
  const std::string& bytes;  ///< the request as it goes on the wire
};

/// `pool` may be null: then the connection is used once. Throws only what ends the call as a whole: the ambient deadline, cancellation.
attempt_result try_once(const attempt& what, connection_pool* pool);

/// The request with its head: propagates trace, correlation, baggage and what is left of the deadline. Throws std::invalid_argument for a
/// header that cannot be sent.
std::string compose_request(const client_request& what, const url_parts& to, const client_options& options);

}  // namespace mamey::inline v1::http::detail
