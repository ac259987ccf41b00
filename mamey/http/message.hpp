#pragma once

/// @file
/// For services.
/// Requests and responses as a handler sees them, independent of the wire.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/http/headers.hpp>
#include <mamey/http/method.hpp>

namespace mamey::inline v1::http {

/// The name and the matched text of a route's `{name}`.
struct route_parameter {
  std::string_view name;
  std::string_view value;
};

/// Functions of the server for a request, in addition to the answer.
class request_hooks {
 public:
  virtual ~request_hooks() = default;
  virtual void cancel_on_disconnect() = 0;
};

/// A request. Every view lives as long as the handler runs (for one made by `make`: as long as the object); copy texts that must live
/// longer.
class request {
 public:
  request() = default;
  request(request&&) noexcept = default;
  request& operator=(request&&) noexcept = default;

  /// One that owns its texts: for tests and calls within the process. Throws std::invalid_argument when the target is refused (see
  /// `resolve_path`).
  static request make(http_method method, std::string_view target, std::span<const header_field> headers = {}, std::string_view body = {});

  http_method method() const noexcept { return method_; }
  std::string_view method_text() const noexcept { return method_text_; }
  /// As it came: `/orders/42?full=1`, `http://host/…`, or `*`.
  std::string_view target() const noexcept { return target_; }
  /// Decoded, dot segments resolved.
  std::string_view path() const noexcept { return path_; }
  /// Still encoded, without `?`; see `query_reader`.
  std::string_view query() const noexcept { return query_; }
  /// 1 for HTTP/1.1, 0 for HTTP/1.0.
  int minor_version() const noexcept { return minor_version_; }

  std::span<const header_field> headers() const noexcept { return headers_; }
  std::optional<std::string_view> header(std::string_view name) const noexcept { return find_header(headers_, name); }
  /// Complete and unchunked.
  std::string_view body() const noexcept { return body_; }

  std::span<const route_parameter> parameters() const noexcept { return parameters_; }
  std::optional<std::string_view> parameter(std::string_view name) const noexcept;
  /// The pattern that matched (`/orders/{orderId}`); empty before routing and when no pattern matched.
  std::string_view route() const noexcept { return route_; }

  /// The address of the client, without the port.
  std::string_view peer() const noexcept { return peer_; }

  /// From now on the ambient context is cancelled when the client goes away: for queries. Commands run to their end. A client that only
  /// closes its sending half counts as gone, because the two cases look the same.
  void cancel_on_disconnect() const {
    if (hooks_) hooks_->cancel_on_disconnect();
  }

  // ── For servers and routers ──

  struct parts {
    std::string_view method, target, body, peer;
    std::span<const header_field> headers;
    int minor_version = 1;
    request_hooks* hooks = nullptr;
  };
  /// Takes the views. False when the target is refused: its form is not in RFC 9112 §3.2, or `resolve_path` refuses the path.
  bool assign(const parts& from);
  void set_route(std::string_view pattern) noexcept { route_ = pattern; }
  std::vector<route_parameter>& mutable_parameters() noexcept { return parameters_; }

 private:
  bool assign_target(std::string_view target);

  http_method method_ = http_method::get;
  int minor_version_ = 1;
  std::string_view method_text_, target_, path_, query_, body_, route_, peer_;
  std::span<const header_field> headers_;
  std::vector<route_parameter> parameters_;
  request_hooks* hooks_ = nullptr;
  // On the heap, as moving a short std::string moves its bytes.
  std::unique_ptr<std::string> resolved_;
  std::unique_ptr<char[]> owned_text_;
  std::vector<header_field> owned_headers_;
};

/// The receiver of a streamed answer, chunk by chunk.
class body_writer {
 public:
  virtual ~body_writer() = default;
  /// Sends a part. Suspends while the client is slow; throws std::system_error when the client is gone, `deadline_exceeded` when it does
  /// not read.
  virtual void write(std::string_view part) = 0;
};

using body_producer = std::function<void(body_writer&)>;

/// An answer under construction. The server adds Date, Content-Length or Transfer-Encoding, and Connection.
class response {
 public:
  int status() const noexcept { return status_; }
  response& set_status(int status) noexcept { return status_ = status, *this; }

  /// Adds a field, or replaces those of that name. Throws std::invalid_argument when a CR, LF, NUL or other control character is in it, and
  /// for the fields that the server sets (Content-Length, Transfer-Encoding, Connection, Date).
  response& add_header(std::string_view name, std::string_view value);
  response& set_header(std::string_view name, std::string_view value);
  /// Content-Type included.
  std::optional<std::string_view> header(std::string_view name) const noexcept;
  const header_block& headers() const noexcept { return headers_; }

  response& set_content_type(std::string_view type);
  std::string_view content_type() const noexcept { return content_type_; }

  std::string& body() noexcept { return body_; }
  const std::string& body() const noexcept { return body_; }
  response& set_body(std::string_view content_type, std::string_view content);

  /// `produce` writes the body, after the handler has returned and in the same fiber and context; chunked. When it throws, the connection
  /// is cut, so that the client sees an incomplete answer instead of a wrong one.
  response& stream(body_producer produce);
  const body_producer& producer() const noexcept { return producer_; }

  /// The connection ends after this answer.
  response& close_connection() noexcept { return close_ = true, *this; }
  bool closes_connection() const noexcept { return close_; }

  /// Resets it to a new response, but keeps its memory.
  void clear() noexcept;

 private:
  int status_ = 200;
  bool close_ = false;
  std::string content_type_;
  header_block headers_;
  std::string body_;
  body_producer producer_;
};

/// `Not Found`; empty for a code without a name.
std::string_view reason_phrase(int status) noexcept;

}  // namespace mamey::inline v1::http
