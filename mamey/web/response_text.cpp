#include <mamey/web/detail/response_text.hpp>

#include <charconv>
#include <cstdio>
#include <cstring>

#include <mamey/web/problem.hpp>

namespace mamey::inline v1::web::detail {
namespace {

void append_number(std::string& out, std::size_t number, int base = 10) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number, base).ptr;
  out.append(digits, static_cast<std::size_t>(end - digits));
}

void append_status_line(std::string& out, int status) {
  if (status == 200) {
    out += "HTTP/1.1 200 OK\r\n";
    return;
  }
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::size_t>(status));
  out.append(" ").append(http::reason_phrase(status)).append("\r\n");
}

}  // namespace

std::string_view date_line::now() {
  // The coarse clock is a tick behind and a tenth of the price; seconds are all that is asked of it.
  timespec clock{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &clock);
  if (clock.tv_sec != second_) format(clock.tv_sec);
  return {text_, sizeof text_};
}

void date_line::format(std::time_t second) {
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  ::gmtime_r(&second, &utc);
  char line[64];
  std::snprintf(line, sizeof line, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[utc.tm_wday], utc.tm_mday, months[utc.tm_mon],
                utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
  std::memcpy(text_, line, sizeof text_);
  second_ = second;
}

void append_head(std::string& out, const http::response& response, const head_options& options) {
  append_status_line(out, response.status());
  out += options.date;
  if (!options.keep_alive) {
    out += "Connection: close\r\n";
  } else if (options.minor_version == 0) {
    out += "Connection: keep-alive\r\n";
  }
  if (!response.content_type().empty()) out.append("Content-Type: ").append(response.content_type()).append("\r\n");
  if (options.framing == body_framing::chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  } else if (options.framing == body_framing::counted && may_have_body(response.status())) {
    out += "Content-Length: ";
    append_number(out, response.body().size());
    out += "\r\n";
  }
  if (!options.request_id.empty() && (response.headers().empty() || !response.headers().find("X-Request-ID"))) {
    out.append("X-Request-ID: ").append(options.request_id).append("\r\n");
  }
  out.append(response.headers().text()).append("\r\n");
}

void append_refusal(std::string& out, const refusal& why, std::string_view date) {
  const auto body = error_body({.code = std::string(why.code), .reason = std::string(why.reason), .detail = {}, .violations = {}}, {});
  append_status_line(out, why.status);
  out.append(date).append("Content-Type: application/json\r\n");
  if (!why.keep_alive) out += "Connection: close\r\n";
  if (why.retry_after > 0) {
    out += "Retry-After: ";
    append_number(out, why.retry_after);
    out += "\r\n";
  }
  out += "Content-Length: ";
  append_number(out, body.size());
  out += "\r\n\r\n";
  if (!why.to_head) out += body;
}

void append_chunk_size(std::string& out, std::size_t size) {
  append_number(out, size, 16);
  out += "\r\n";
}

}  // namespace mamey::inline v1::web::detail
