#pragma once

/// @file
/// For services.
/// The one exception family. `kind` alone decides the HTTP status and whether a message is retried (see `http_status`, `is_transient`).

#include <array>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mamey/core/text.hpp>

namespace mamey::inline v1 {

enum class error_kind : std::uint8_t {
  domain,                ///< a business rule refused: 400
  validation,            ///< the input is malformed or breaks a rule: 400
  not_found,             ///< 404
  conflict,              ///< 409, never retried
  concurrency_conflict,  ///< 409, retried where asked
  unauthorized,          ///< 401
  forbidden,             ///< 403
  rate_limited,          ///< 429
  unavailable,           ///< a dependency is away: 503
  commit_unknown,        ///< the connection broke during COMMIT: 503, never retried blindly
  deadline_exceeded,     ///< 504
  cancelled,             ///< the caller went away or the process stops: 503
  internal,              ///< everything else: 500
};

/// One broken rule and its place: `lines[2].quantity`.
struct violation {
  std::string path;     ///< wire names; empty means the message as a whole
  std::string code;     ///< stable, for programs: `required`, `too_long`, `not_an_integer`
  std::string message;  ///< for people: `expected an integer, got "x"`
};

/// Base of everything mamey throws on purpose. `what()` is the reason.
class error : public std::runtime_error {
 public:
  error(error_kind kind, std::string code, const std::string& reason) : std::runtime_error(reason), kind_(kind), code_(std::move(code)) {}

  error_kind kind() const noexcept { return kind_; }
  /// Stable and for programs: `order_exists`.
  const std::string& code() const noexcept { return code_; }
  /// For people; safe to show to a client.
  std::string reason() const { return what(); }

 private:
  error_kind kind_;
  std::string code_;
};

/// The error type of one kind: `throw mamey::conflict("order_exists", "order {} already exists", id)`.
template <error_kind Kind>
class error_of : public error {
 public:
  template <class... Arguments>
  explicit error_of(std::string code, std::string_view pattern, const Arguments&... arguments)
      : error(Kind, std::move(code), format_text(pattern, std::array<text_argument, sizeof...(Arguments)>{text_argument(arguments)...})) {}
};

using domain_error = error_of<error_kind::domain>;
using not_found = error_of<error_kind::not_found>;
using conflict = error_of<error_kind::conflict>;
using concurrency_conflict = error_of<error_kind::concurrency_conflict>;
using unauthorized = error_of<error_kind::unauthorized>;
using forbidden = error_of<error_kind::forbidden>;
using rate_limited = error_of<error_kind::rate_limited>;
using unavailable = error_of<error_kind::unavailable>;
using commit_unknown = error_of<error_kind::commit_unknown>;
using deadline_exceeded = error_of<error_kind::deadline_exceeded>;
using cancelled = error_of<error_kind::cancelled>;
using internal_error = error_of<error_kind::internal>;

/// Input that breaks rules, with every violation found.
class validation_error : public error {
 public:
  explicit validation_error(std::vector<violation> violations, std::string code = "validation_failed");
  const std::vector<violation>& violations() const noexcept { return violations_; }

 private:
  std::vector<violation> violations_;
};

/// HTTP status of a kind (RFC 9110 §15).
int http_status(error_kind kind) noexcept;

/// Whether handling a message again later may succeed: false for domain, validation, not_found, conflict, unauthorized and forbidden.
bool is_transient(error_kind kind) noexcept;

/// The parts of an exception in flight for clients and for the log.
struct error_report {
  error_kind kind = error_kind::internal;
  std::string code = "internal_error";
  std::string reason;  ///< safe for a client: "an unexpected error" for exceptions not of the family
  std::string detail;  ///< for the log only: type and what()
  std::vector<violation> violations;
};

/// Describes the exception being handled. Call it inside a `catch`. Never throws.
error_report describe_current_exception() noexcept;
error_report describe(std::exception_ptr exception) noexcept;

}  // namespace mamey::inline v1
