#pragma once

/// @file
/// For the framework.
/// HTTP/1.1 framing for both ends: bytes in, one message out, no I/O. Strict where two readers could disagree about where a message ends
/// (RFC 9112 §11.2): an ambiguous message is refused, and after a refusal nothing further may be read from the connection.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <mamey/http/headers.hpp>

namespace mamey::inline v1::http {

struct parse_limits {
  std::size_t start_line = 8 << 10;     ///< bytes; at most 64 KiB
  std::size_t header_bytes = 32 << 10;  ///< of all header lines, and again of all trailers
  std::size_t headers = 100;
  std::size_t body = 4 << 20;  ///< after unchunking
};

/// The reason for a refused message.
struct parse_failure {
  int status = 400;            ///< to answer a request with
  std::string_view code = {};  ///< `malformed_header`; static text, as is the reason
  std::string_view reason = {};
};

/// Reads one message at a time. The caller keeps the bytes, from the first of the message on, in its own buffer. They may move between
/// calls, and chunked bodies are joined in place. One parser serves a connection: `reset` begins the next message.
class message_parser {
 public:
  enum class role : std::uint8_t { request, response };
  enum class state : std::uint8_t { head, body, complete, failed };

  message_parser(role reads, const parse_limits& limits) noexcept : limits_(limits), role_(reads) {}

  /// Reads on. `bytes`: all received bytes from the first byte of this message on, with the bytes of earlier calls.
  state advance(std::span<char> bytes);
  /// The stream has ended: completes a response that ends with the stream; any other message that has begun fails.
  state finish();
  void reset() noexcept;
  /// The next response answers HEAD: it has no body, even when its header says so.
  void expect_no_body() noexcept { no_body_ = true; }

  state current() const noexcept { return state_; }
  const parse_failure& failure() const noexcept { return failure_; }
  /// Bytes that belong to the complete message; the next one begins there.
  std::size_t consumed() const noexcept { return position_; }
  /// Whether a byte of the message has come (a line end before a request does not count).
  bool begun() const noexcept { return phase_ != phase::start_line || searched_ > position_; }
  /// Removes the gaps that joining chunks left between body and unread bytes; returns how many bytes remain in the buffer.
  std::size_t squeeze(std::span<char> bytes) noexcept;
  /// How many bytes the message still needs at least, when that is known.
  std::size_t missing(std::size_t have) const noexcept { return phase_ == phase::counted_body && body_end_ > have ? body_end_ - have : 0; }

  // ── Of the head, once it is complete ──

  /// Makes the views below point into `bytes`. Call it again when the buffer has moved.
  void locate(std::span<const char> bytes);
  std::string_view method() const noexcept { return first_; }   ///< request
  std::string_view target() const noexcept { return second_; }  ///< request
  int status() const noexcept { return status_; }               ///< response
  int minor_version() const noexcept { return minor_version_; }
  std::span<const header_field> headers() const noexcept { return headers_; }
  std::string_view body() const noexcept { return body_; }  ///< once complete
  bool keep_alive() const noexcept { return minor_version_ == 1 ? !connection_close_ : connection_keep_alive_ && !connection_close_; }
  bool expects_continue() const noexcept { return expects_continue_; }

 private:
  enum class phase : std::uint8_t {
    start_line,
    header_lines,
    counted_body,
    chunk_size,
    chunk_data,
    chunk_end,
    trailers,
    endless_body,
    done
  };
  struct range {
    std::uint32_t begin = 0, size = 0;
  };
  struct header_range {
    range name, value;
  };
  enum class progress : std::uint8_t { more, wait, stop };

  progress step(std::span<char> bytes);
  progress read_start_line(std::string_view bytes);
  progress read_header_line(std::string_view bytes);
  progress read_chunk_size(std::string_view bytes);
  progress read_chunk_data(std::span<char> bytes);
  progress read_chunk_end(std::string_view bytes);
  progress read_trailer(std::string_view bytes);

  progress take_line(std::string_view bytes, std::size_t limit, const parse_failure& too_long, std::string_view& line);
  progress take_field_line(std::string_view bytes, const parse_failure& too_long,
                           std::string_view& line);  ///< of the header or the trailers, which are bound as a whole
  progress parse_request_line(std::string_view line);
  progress parse_status_line(std::string_view line);
  bool parse_version(std::string_view text) noexcept;
  progress parse_field(std::string_view line, header_range& into);
  progress note_framing(std::string_view name, std::string_view value);
  progress note_content_length(std::string_view value);
  progress end_of_head();
  progress fail(int status, std::string_view code, std::string_view reason) noexcept;
  progress complete() noexcept;
  bool bodiless_response() const noexcept;

  parse_limits limits_;
  role role_;
  phase phase_ = phase::start_line;
  state state_ = state::head;
  bool no_body_ = false;
  bool connection_close_ = false, connection_keep_alive_ = false, expects_continue_ = false;
  bool chunked_ = false, has_transfer_encoding_ = false, has_length_ = false, skipped_line_ = false;
  std::uint8_t hosts_ = 0;
  int minor_version_ = 1;
  int status_ = 0;
  std::size_t position_ = 0;         ///< the first byte not yet understood
  std::size_t searched_ = 0;         ///< up to here there is no line end behind `position_`
  std::size_t section_used_ = 0;     ///< bytes of the header lines or trailers so far
  std::size_t fields_ = 0;           ///< header lines and trailers so far
  std::size_t extension_bytes_ = 0;  ///< of chunk lines, beyond the sizes
  std::uint64_t length_ = 0;         ///< Content-Length, or what is left of the chunk
  std::size_t body_begin_ = 0, body_end_ = 0;
  range first_range_, second_range_;
  std::vector<header_range> ranges_;
  parse_failure failure_;

  std::string_view first_, second_, body_;
  std::vector<header_field> headers_;
};

}  // namespace mamey::inline v1::http
