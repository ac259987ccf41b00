#pragma once

/// @file
/// Responses as bytes.

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include <mamey/http/message.hpp>

namespace mamey::inline v1::web::detail {

/// `Date: …\r\n`, formatted once per second.
class date_line {
 public:
  std::string_view now();

 private:
  void format(std::time_t second);
  std::time_t second_ = -1;
  char text_[37] = {};  // "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
};

enum class body_framing : std::uint8_t {
  counted,  ///< Content-Length of the response's body
  chunked,
  by_close,  ///< HTTP/1.0: to the end of the connection
};

struct head_options {
  std::string_view date;
  std::string_view request_id;  ///< empty: none
  int minor_version = 1;        ///< of the request
  bool keep_alive = true;
  body_framing framing = body_framing::counted;
};

/// Whether a response with that status has a body (RFC 9110 §6.4.1).
constexpr bool may_have_body(int status) noexcept { return status >= 200 && status != 204 && status != 304; }

/// Appends the status line and all fields, the empty line included.
void append_head(std::string& out, const http::response& response, const head_options& options);

/// A whole answer for requests that never became one (malformed, too large, shed): closing, in the shape of problem.hpp.
struct refusal {
  int status = 400;
  std::string_view code, reason;
  std::size_t retry_after = 0;  ///< seconds; 0: no such header
  bool keep_alive = false;
  bool to_head = false;  ///< no body follows, whatever the length says (RFC 9110 §9.3.2)
};
void append_refusal(std::string& out, const refusal& why, std::string_view date);

/// The line that begins a chunk.
void append_chunk_size(std::string& out, std::size_t size);

}  // namespace mamey::inline v1::web::detail
