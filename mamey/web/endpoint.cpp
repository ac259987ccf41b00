#include <charconv>
#include <optional>
#include <stdexcept>
#include <string_view>

#include <mamey/core/text.hpp>
#include <mamey/web/server.hpp>

namespace mamey::inline v1::web {

namespace {

std::string url_of(const endpoint& where, const std::string& host) {
  const std::string scheme = where.secure ? "https://" : "http://";
  if (host.starts_with("unix:")) return scheme + host;
  return scheme + (host.find(':') != std::string::npos ? "[" + host + "]" : host) + ":" + std::to_string(where.port);
}

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  throw std::invalid_argument("cannot listen on \"" + std::string(text) + "\": " + std::string(why) +
                              "; expected http://HOST:PORT or https://HOST:PORT, where HOST may be * and PORT 0, or http://unix:/PATH");
}

std::uint16_t parse_port(std::string_view whole, std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) refuse(whole, "the port is no number from 0 to 65535");
  return port;
}

}  // namespace

std::string endpoint::url() const { return url_of(*this, host); }

std::string endpoint::local_url() const {
  const bool any = host == "*" || host == "0.0.0.0" || host == "::";
  return url_of(*this, any ? "localhost" : host);
}

endpoint endpoint::parse(std::string_view text) {
  auto rest = text;
  bool secure = false;
  if (const auto scheme_end = rest.find("://"); scheme_end != std::string_view::npos) {
    const auto scheme = rest.substr(0, scheme_end);
    secure = equal_ignoring_case(scheme, "https");
    if (!secure && !equal_ignoring_case(scheme, "http")) refuse(text, "the scheme is neither http nor https");
    rest.remove_prefix(scheme_end + 3);
  }
  if (rest.starts_with("unix:")) {
    if (!rest.starts_with("unix:/") || rest.size() == 6 || rest.ends_with('/')) refuse(text, "the socket's path is not absolute");
    return {.host = std::string(rest), .port = 0, .secure = secure};
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const auto host_end = rest.starts_with('[') ? rest.find(']') : rest.rfind(':');
  if (rest.starts_with('[') && host_end == std::string_view::npos) refuse(text, "the bracket is not closed");

  endpoint result{.host = std::string(rest.substr(0, host_end)), .port = static_cast<std::uint16_t>(secure ? 443 : 80), .secure = secure};
  auto port = host_end == std::string_view::npos ? std::string_view{} : rest.substr(host_end);
  if (rest.starts_with('[')) {
    result.host.erase(0, 1);
    port.remove_prefix(1);
  }
  if (!port.empty()) {
    if (port.front() != ':') refuse(text, "something stands between host and port");
    result.port = parse_port(text, port.substr(1));
  }
  if (result.host == "+") result.host = "*";  // as ASP.NET writes it
  if (result.host.empty() || result.host.find_first_of(" /?#@") != std::string::npos) refuse(text, "the host is malformed");
  return result;
}

}  // namespace mamey::inline v1::web
