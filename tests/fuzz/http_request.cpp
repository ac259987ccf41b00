// Fed with anything, the request parser must stay within its bytes, come to the same result however they arrive, and keep its promises about what it accepts.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include <mamey/http/message.hpp>
#include <mamey/http/parser.hpp>

namespace {

using namespace mamey;
using http::message_parser;

struct outcome {
  message_parser::state state;
  int status = 0;
  std::size_t consumed = 0;
  std::string target, body;
  std::size_t headers = 0;
  friend bool operator==(const outcome&, const outcome&) = default;
};

void require(bool condition) {
  if (!condition) std::abort();
}

void check_accepted(const message_parser& parser) {
  require(http::is_token(parser.method()));
  require(parser.minor_version() == 0 || http::count_headers(parser.headers(), "host") == 1);
  require(http::count_headers(parser.headers(), "content-length") + http::count_headers(parser.headers(), "transfer-encoding") <= 1);
  for (const auto& each : parser.headers()) require(http::is_token(each.name) && http::is_field_value(each.value));
  http::request request;
  if (request.assign({.method = parser.method(), .target = parser.target(), .body = parser.body(), .headers = parser.headers()})) {
    require(request.path() == "*" || request.path().starts_with('/'));
    require(request.path().find('\0') == std::string_view::npos && request.path().find('\\') == std::string_view::npos);
    require(request.path().find("/../") == std::string_view::npos);
  }
}

/// `step`: how many bytes come at a time.
outcome read(const std::uint8_t* data, std::size_t size, std::size_t step) {
  message_parser parser(message_parser::role::request, {.start_line = 200, .header_bytes = 500, .headers = 8, .body = 300});
  std::vector<char> buffer;
  std::size_t squeezed = 0;
  for (std::size_t at = 0; at < size && parser.current() < message_parser::state::complete; at += step) {
    const auto end = at + step < size ? at + step : size;
    std::vector<char> grown(buffer);
    grown.insert(grown.end(), data + at, data + end);
    buffer = std::move(grown);
    parser.advance(buffer);
    if (parser.current() == message_parser::state::body && at % 3 == 0) {
      const auto left = parser.squeeze(buffer);
      squeezed += buffer.size() - left;
      buffer.resize(left);
    }
  }
  outcome result{.state = parser.current()};
  if (result.state == message_parser::state::failed) result.status = parser.failure().status;
  if (result.state == message_parser::state::complete) {
    parser.locate(buffer);
    check_accepted(parser);
    result.consumed = parser.consumed() + squeezed;
    result.target = parser.target();
    result.body = parser.body();
    result.headers = parser.headers().size();
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto whole = read(data, size, size);
  require(read(data, size, 1) == whole);
  require(read(data, size, 7) == whole);
  return 0;
}
