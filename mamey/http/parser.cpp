#include <mamey/http/parser.hpp>

#include <algorithm>
#include <array>
#include <cstring>

#include <mamey/core/text.hpp>

#include <mamey/http/detail/characters.hpp>

namespace mamey::inline v1::http {
namespace {

using detail::characters;

/// Chunk extensions mean nothing to us; a peer that sends many has nothing good in mind.
constexpr std::size_t longest_chunk_line = 256;
constexpr std::size_t longest_method = 32;
constexpr std::size_t most_extension_bytes = 16 << 10;

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// RFC 3986 §3.2.2, less escapes, which no name needs and two readers may decode differently: a name or IPv4 address, or `[…]` around an
/// IPv6 address, and maybe a port. It may be empty (RFC 9112 §3.2).
bool is_host(std::string_view value) noexcept {
  std::size_t at = 0;
  if (value.starts_with('[')) {
    const auto close = value.find(']');
    if (close == std::string_view::npos || close < 3) return false;
    for (at = 1; at < close; ++at) {
      if (hex_digit(value[at]) < 0 && value[at] != ':' && value[at] != '.') return false;
    }
    ++at;
  } else {
    while (at < value.size() && detail::is(value[at], characters::host)) ++at;
  }
  if (at == value.size()) return true;
  if (value[at] != ':' || value.size() - at > 6) return false;
  return std::all_of(value.begin() + static_cast<std::ptrdiff_t>(at) + 1, value.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view text_of(std::span<const char> bytes) noexcept { return {bytes.data(), bytes.size()}; }

}  // namespace

void message_parser::reset() noexcept {
  phase_ = phase::start_line;
  state_ = state::head;
  no_body_ = connection_close_ = connection_keep_alive_ = expects_continue_ = false;
  chunked_ = has_transfer_encoding_ = has_length_ = skipped_line_ = false;
  hosts_ = 0;
  minor_version_ = 1;
  status_ = 0;
  first_range_ = second_range_ = {};
  position_ = searched_ = section_used_ = fields_ = extension_bytes_ = 0;
  length_ = 0;
  body_begin_ = body_end_ = 0;
  ranges_.clear();
}

message_parser::state message_parser::advance(std::span<char> bytes) {
  while (state_ < state::complete && step(bytes) == progress::more) {}
  return state_;
}

message_parser::progress message_parser::step(std::span<char> bytes) {
  switch (phase_) {
    case phase::start_line:
      return read_start_line(text_of(bytes));
    case phase::header_lines:
      return read_header_line(text_of(bytes));
    case phase::counted_body:
      if (bytes.size() < body_end_) return progress::wait;
      position_ = body_end_;
      return complete();
    case phase::chunk_size:
      return read_chunk_size(text_of(bytes));
    case phase::chunk_data:
      return read_chunk_data(bytes);
    case phase::chunk_end:
      return read_chunk_end(text_of(bytes));
    case phase::trailers:
      return read_trailer(text_of(bytes));
    case phase::endless_body:
      position_ = body_end_ = bytes.size();
      return body_end_ - body_begin_ > limits_.body ? fail(413, "body_too_large", "the body is over the limit") : progress::wait;
    case phase::done:
      break;
  }
  return progress::stop;
}

message_parser::state message_parser::finish() {
  if (state_ == state::complete || state_ == state::failed) return state_;
  if (phase_ == phase::endless_body) {
    complete();
  } else {
    fail(400, "incomplete_message", "the connection ended in the middle of a message");
  }
  return state_;
}

std::size_t message_parser::squeeze(std::span<char> bytes) noexcept {
  if (!chunked_ || phase_ < phase::chunk_size || body_end_ == position_) return bytes.size();
  const auto gap = position_ - body_end_;
  std::memmove(bytes.data() + body_end_, bytes.data() + position_, bytes.size() - position_);
  position_ -= gap;
  searched_ -= gap;
  return bytes.size() - gap;
}

void message_parser::locate(std::span<const char> bytes) {
  const auto text = text_of(bytes);
  const auto view = [text](range part) { return text.substr(part.begin, part.size); };
  first_ = view(first_range_);
  second_ = view(second_range_);
  headers_.clear();
  for (const auto& each : ranges_) headers_.push_back({view(each.name), view(each.value)});
  body_ = text.substr(body_begin_, body_end_ - body_begin_);
}

// ── Lines ──

message_parser::progress message_parser::take_line(std::string_view bytes, std::size_t limit, const parse_failure& too_long,
                                                   std::string_view& line) {
  const auto from = std::max(position_, searched_);
  const void* found = from < bytes.size() ? std::memchr(bytes.data() + from, '\n', bytes.size() - from) : nullptr;
  const auto end = found ? static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data()) : bytes.size();
  // Without the line end, so that the outcome does not depend on how the bytes were split; one byte may be the CR of an end to come.
  const auto have = end - position_;
  if (have > limit + 1 || (found && have > 0 && have - 1 > limit)) return fail(too_long.status, too_long.code, too_long.reason);
  if (!found) {
    searched_ = bytes.size();
    return progress::wait;
  }
  if (have == 0 || bytes[end - 1] != '\r') return fail(400, "malformed_line", "a line must end with CR LF");
  line = bytes.substr(position_, have - 1);
  position_ = searched_ = end + 1;
  return progress::more;
}

message_parser::progress message_parser::read_start_line(std::string_view bytes) {
  static constexpr parse_failure too_long{414, "request_line_too_long", "the request line is over the limit"};
  const auto begin = position_;
  std::string_view line;
  if (const auto outcome = take_line(bytes, limits_.start_line, too_long, line); outcome != progress::more) return outcome;
  if (line.empty() && role_ == role::request && !skipped_line_) {
    skipped_line_ = true;  // RFC 9112 §2.2: one empty line before a request is tolerated
    return progress::more;
  }
  first_range_.begin = static_cast<std::uint32_t>(begin);
  phase_ = phase::header_lines;
  section_used_ = 0;
  return role_ == role::request ? parse_request_line(line) : parse_status_line(line);
}

message_parser::progress message_parser::take_field_line(std::string_view bytes, const parse_failure& too_long, std::string_view& line) {
  const auto outcome = take_line(bytes, limits_.header_bytes - section_used_, too_long, line);
  if (outcome == progress::more) section_used_ = std::min(section_used_ + line.size() + 2, limits_.header_bytes);
  return outcome;
}

message_parser::progress message_parser::read_header_line(std::string_view bytes) {
  static constexpr parse_failure too_long{431, "header_too_large", "the header is over the limit"};
  std::string_view line;
  if (const auto outcome = take_field_line(bytes, too_long, line); outcome != progress::more) return outcome;
  if (line.empty()) return end_of_head();
  if (++fields_ > limits_.headers) return fail(431, "too_many_headers", "the number of header fields is over the limit");

  header_range field;
  if (const auto outcome = parse_field(line, field); outcome != progress::more) return outcome;
  const auto base = static_cast<std::uint32_t>(line.data() - bytes.data());
  const auto name = line.substr(field.name.begin, field.name.size), value = line.substr(field.value.begin, field.value.size);
  field.name.begin += base;
  field.value.begin += base;
  ranges_.push_back(field);
  return note_framing(name, value);
}

message_parser::progress message_parser::parse_request_line(std::string_view line) {
  const auto malformed = [this] {
    return fail(400, "malformed_request_line", "the request line must be: method, one space, target, one space, HTTP/1.1");
  };
  const auto first_space = line.find(' ');
  if (first_space == std::string_view::npos || !is_token(line.substr(0, first_space))) return malformed();
  if (first_space > longest_method) return fail(501, "method_not_implemented", "no such method is known here");
  const auto second_space = line.find(' ', first_space + 1);
  if (second_space == std::string_view::npos || second_space == first_space + 1) return malformed();
  const auto target = line.substr(first_space + 1, second_space - first_space - 1);
  if (!std::all_of(target.begin(), target.end(), [](char c) { return detail::is(c, characters::target); })) {
    return fail(400, "malformed_target", "the target holds a character that must be percent-encoded");
  }
  const auto version = line.substr(second_space + 1);
  if (!parse_version(version)) {
    const bool well_formed = version.size() == 8 && version.starts_with("HTTP/") && version[5] >= '0' && version[5] <= '9' &&
                             version[6] == '.' && version[7] >= '0' && version[7] <= '9';
    return well_formed ? fail(505, "unsupported_version", "HTTP/1.1 and HTTP/1.0 are spoken here") : malformed();
  }
  const auto base = first_range_.begin;
  first_range_.size = static_cast<std::uint32_t>(first_space);
  second_range_ = {static_cast<std::uint32_t>(base + first_space + 1), static_cast<std::uint32_t>(target.size())};
  return progress::more;
}

message_parser::progress message_parser::parse_status_line(std::string_view line) {
  const bool formed = line.size() >= 12 && line[8] == ' ' && (line.size() == 12 || line[12] == ' ') &&
                      std::all_of(line.begin() + 9, line.begin() + 12, [](char c) { return c >= '0' && c <= '9'; });
  if (!formed || !parse_version(line.substr(0, 8)) || !is_field_value(line.substr(12)))
    return fail(502, "malformed_status_line", "the status line is malformed");
  status_ = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  if (status_ < 100) return fail(502, "malformed_status_line", "the status is below 100");
  first_range_.size = 0;
  second_range_ = {};
  return progress::more;
}

bool message_parser::parse_version(std::string_view text) noexcept {
  if (text.size() != 8 || !text.starts_with("HTTP/1.") || text[7] < '0' || text[7] > '9') return false;
  minor_version_ = text[7] == '0' ? 0 : 1;  // a later minor version is read as the highest that we know (RFC 9110 §2.5)
  return true;
}

message_parser::progress message_parser::parse_field(std::string_view line, header_range& into) {
  if (line.front() == ' ' || line.front() == '\t') return fail(400, "folded_header", "a header field must stand on one line");
  const auto size = line.size();
  std::size_t colon = 0;
  while (colon < size && detail::is(line[colon], characters::token)) ++colon;
  if (colon == 0 || colon == size || line[colon] != ':') return fail(400, "malformed_header", "a header field must be: name, colon, value");
  // Space and tab only: to trim 0x85 or 0xA0, as locale-aware functions do, is to read another value than the next server.
  auto begin = colon + 1, end = size;
  for (auto i = begin; i < end; ++i) {
    if (!detail::is(line[i], characters::field_value)) return fail(400, "malformed_header", "a header value holds a control character");
  }
  while (begin < end && (line[begin] == ' ' || line[begin] == '\t')) ++begin;
  while (end > begin && (line[end - 1] == ' ' || line[end - 1] == '\t')) --end;
  into = {{0, static_cast<std::uint32_t>(colon)}, {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end - begin)}};
  return progress::more;
}

// ── Framing ──

message_parser::progress message_parser::note_framing(std::string_view name, std::string_view value) {
  switch (name.size()) {  // lengths first: most fields are none of these
    case 4:
      if (!equal_ignoring_case(name, "host")) break;
      if (++hosts_ > 1) return fail(400, "repeated_host", "there must be one Host");
      if (!is_host(value)) return fail(400, "malformed_host", "Host is malformed");
      break;
    case 6:
      if (!equal_ignoring_case(name, "expect") || role_ == role::response) break;
      if (!equal_ignoring_case(value, "100-continue")) return fail(417, "unknown_expectation", "only 100-continue can be expected");
      expects_continue_ = true;
      break;
    case 10:
      if (!equal_ignoring_case(name, "connection")) break;
      connection_close_ = connection_close_ || list_contains(value, "close");
      connection_keep_alive_ = connection_keep_alive_ || list_contains(value, "keep-alive");
      break;
    case 14:
      if (equal_ignoring_case(name, "content-length")) return note_content_length(value);
      break;
    case 17:
      if (!equal_ignoring_case(name, "transfer-encoding")) break;
      if (has_transfer_encoding_) return fail(400, "repeated_transfer_encoding", "there must be one Transfer-Encoding");
      has_transfer_encoding_ = true;
      // Only `chunked` alone: readers differ on a list ("gzip, chunked") and on similar words ("xchunked").
      if (!equal_ignoring_case(value, "chunked"))
        return fail(501, "unknown_transfer_encoding", "chunked is the only transfer encoding spoken here");
      chunked_ = true;
      break;
    default:
      break;
  }
  return progress::more;
}

message_parser::progress message_parser::note_content_length(std::string_view value) {
  // Identical repetitions are allowed to be tolerated (RFC 9112 §6.3); nobody sends them in good faith.
  if (has_length_) return fail(400, "repeated_content_length", "there must be one Content-Length");
  has_length_ = true;
  const bool digits =
      !value.empty() && value.size() <= 18 && std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) return fail(400, "malformed_content_length", "Content-Length must be a number of bytes");
  length_ = 0;
  for (const char c : value) length_ = length_ * 10 + static_cast<std::uint64_t>(c - '0');
  return progress::more;
}

bool message_parser::bodiless_response() const noexcept {
  return role_ == role::response && (no_body_ || status_ < 200 || status_ == 204 || status_ == 304);
}

message_parser::progress message_parser::end_of_head() {
  if (role_ == role::request && minor_version_ == 1 && hosts_ == 0) return fail(400, "missing_host", "HTTP/1.1 needs a Host");
  if (has_transfer_encoding_ && has_length_)
    return fail(400, "ambiguous_length", "there must not be both Content-Length and Transfer-Encoding");
  if (has_transfer_encoding_ && minor_version_ == 0) return fail(400, "transfer_encoding_in_http_1_0", "HTTP/1.0 has no Transfer-Encoding");

  body_begin_ = body_end_ = position_;
  state_ = state::body;
  if (bodiless_response()) return complete();
  if (chunked_) {
    phase_ = phase::chunk_size;
  } else if (has_length_ || role_ == role::request) {
    if (length_ > limits_.body) return fail(413, "body_too_large", "the body is over the limit");
    body_end_ = body_begin_ + static_cast<std::size_t>(length_);
    phase_ = phase::counted_body;
  } else {
    phase_ = phase::endless_body;
    connection_close_ = true;
  }
  return progress::more;
}

message_parser::progress message_parser::read_chunk_size(std::string_view bytes) {
  static constexpr parse_failure too_long{400, "malformed_chunk", "a chunk's first line is too long"};
  std::string_view line;
  if (const auto outcome = take_line(bytes, longest_chunk_line, too_long, line); outcome != progress::more) return outcome;

  std::size_t digits = 0;
  std::uint64_t size = 0;
  while (digits < line.size() && hex_digit(line[digits]) >= 0) {
    if (digits == 15) return fail(400, "malformed_chunk", "a chunk's size has too many digits");
    size = size << 4 | static_cast<std::uint64_t>(hex_digit(line[digits++]));
  }
  const auto extension = line.substr(digits);
  if (digits == 0 || (!extension.empty() && extension.front() != ';'))
    return fail(400, "malformed_chunk", "a chunk must begin with its size in hexadecimal digits");
  if (!is_field_value(extension)) return fail(400, "malformed_chunk", "a chunk extension holds a control character");
  extension_bytes_ += extension.size();
  if (extension_bytes_ > most_extension_bytes) return fail(400, "malformed_chunk", "the chunk extensions are over the limit");

  if (size > limits_.body - (body_end_ - body_begin_)) return fail(413, "body_too_large", "the body is over the limit");
  length_ = size;
  phase_ = size == 0 ? phase::trailers : phase::chunk_data;
  section_used_ = 0;
  return progress::more;
}

message_parser::progress message_parser::read_chunk_data(std::span<char> bytes) {
  const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(length_, bytes.size() - position_));
  if (part == 0) return progress::wait;
  if (body_end_ != position_) std::memmove(bytes.data() + body_end_, bytes.data() + position_, part);
  body_end_ += part;
  position_ += part;
  searched_ = position_;
  length_ -= part;
  if (length_ > 0) return progress::wait;
  phase_ = phase::chunk_end;
  return progress::more;
}

message_parser::progress message_parser::read_chunk_end(std::string_view bytes) {
  const auto rest = bytes.substr(position_, 2);
  if (rest != std::string_view("\r\n").substr(0, rest.size()))
    return fail(400, "malformed_chunk", "a chunk's data must be followed by CR LF");
  if (rest.size() < 2) return progress::wait;
  position_ += 2;
  searched_ = position_;
  phase_ = phase::chunk_size;
  return progress::more;
}

message_parser::progress message_parser::read_trailer(std::string_view bytes) {
  static constexpr parse_failure too_long{431, "header_too_large", "the trailers are over the limit"};
  std::string_view line;
  if (const auto outcome = take_field_line(bytes, too_long, line); outcome != progress::more) return outcome;
  if (line.empty()) return complete();
  if (++fields_ > limits_.headers) return fail(431, "too_many_headers", "the number of trailers is over the limit");
  // Checked for form and dropped: a trailer must never become a header (RFC 9110 §6.5.1).
  header_range dropped;
  return parse_field(line, dropped);
}

message_parser::progress message_parser::complete() noexcept {
  phase_ = phase::done;
  state_ = state::complete;
  return progress::stop;
}

message_parser::progress message_parser::fail(int status, std::string_view code, std::string_view reason) noexcept {
  failure_ = {status, code, reason};
  state_ = state::failed;
  return progress::stop;
}

}  // namespace mamey::inline v1::http
