#include <mamey/http/url.hpp>

#include <algorithm>
#include <charconv>

#include <mamey/core/percent.hpp>
#include <mamey/core/text.hpp>

#include <mamey/http/detail/characters.hpp>

namespace mamey::inline v1::http {
namespace {

using detail::characters;

bool has_dot_segment(std::string_view path) noexcept {
  for (auto at = path.find("/."); at != std::string_view::npos; at = path.find("/.", at + 1)) {
    const auto rest = path.substr(at + 2);
    if (rest.empty() || rest.front() == '/' || rest == "." || rest.starts_with("./")) return true;
  }
  return false;
}

/// RFC 3986 §5.2.4, for a path that begins with a slash.
void remove_dot_segments(std::string& path) {
  std::string out;
  for (std::size_t at = 0; at < path.size();) {
    const auto end = std::min(path.find('/', at + 1), path.size());
    const std::string_view segment(path.data() + at, end - at);
    const bool last = end == path.size();
    if (segment == "/..") {
      out.resize(out.empty() ? 0 : out.rfind('/'));
      if (last) out += '/';
    } else if (segment == "/.") {
      if (last) out += '/';
    } else {
      out += segment;
    }
    at = end;
  }
  path = std::move(out);
}

std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

bool assign_authority(url_parts& into, std::string_view authority) {
  auto host = authority;
  auto rest = std::string_view{};
  const bool in_brackets = host.starts_with('[');
  if (in_brackets) {
    const auto close = host.find(']');
    if (close == std::string_view::npos) return false;
    rest = host.substr(close + 1);
    host = host.substr(1, close - 1);
  } else if (const auto colon = host.find(':'); colon != std::string_view::npos) {
    rest = host.substr(colon);
    host = host.substr(0, colon);
  }
  const auto belongs = [in_brackets](char c) { return detail::is(c, characters::host) || (in_brackets && (c == ':' || c == '%')); };
  if (host.empty() || !std::all_of(host.begin(), host.end(), belongs)) return false;
  into.host = host;
  if (rest.empty()) return true;
  if (rest.front() != ':') return false;
  const auto port = parse_port(rest.substr(1));
  if (port) into.port = *port;
  return port.has_value();
}

}  // namespace

std::optional<url_parts> url_parts::parse(std::string_view text) {
  url_parts result;
  if (const auto scheme_end = text.find("://"); scheme_end != std::string_view::npos) {
    const auto scheme = text.substr(0, scheme_end);
    if (!equal_ignoring_case(scheme, "http") && !equal_ignoring_case(scheme, "https")) return std::nullopt;
    if (scheme.size() == 5) {
      result.scheme = "https";
      result.port = 443;
    }
    text.remove_prefix(scheme_end + 3);
  }
  text = text.substr(0, text.find('#'));
  const auto target_begin = std::min(text.find_first_of("/?"), text.size());
  if (!assign_authority(result, text.substr(0, target_begin))) return std::nullopt;
  const auto target = text.substr(target_begin);
  if (!std::all_of(target.begin(), target.end(), [](char c) { return detail::is(c, characters::target); })) return std::nullopt;
  result.target.assign(target.starts_with('/') ? "" : "/").append(target);
  return result;
}

std::string url_parts::authority() const {
  auto text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (scheme == "https" ? 443 : 80)) text += ":" + std::to_string(port);
  return text;
}

std::string without_user_information(std::string_view address) {
  const auto scheme_end = address.find("://");
  const auto begin = scheme_end == std::string_view::npos ? 0 : scheme_end + 3;
  const auto end = std::min(address.find_first_of("?#", begin), address.size());  // a password may hold a slash
  const auto at = address.substr(0, end).rfind('@');
  if (at == std::string_view::npos || at < begin) return std::string(address);
  return std::string(address.substr(0, begin)) + "***" + std::string(address.substr(at));
}

void percent_encode(std::string& out, std::string_view text) { v1::percent_encode(out, text, ""); }

std::string percent_encoded(std::string_view text) {
  std::string out;
  percent_encode(out, text);
  return out;
}

bool percent_decode(std::string& out, std::string_view text, plus plus_means) {
  if (plus_means == plus::literal) return v1::percent_decode(out, text);
  std::string spaced(text);
  std::ranges::replace(spaced, '+', ' ');
  return v1::percent_decode(out, spaced);
}

std::optional<std::string_view> resolve_path(std::string_view raw, std::string& scratch) {
  if (!raw.starts_with('/') || raw.find('\\') != std::string_view::npos) return std::nullopt;
  const bool escaped = raw.find('%') != std::string_view::npos;
  if (!escaped && !has_dot_segment(raw)) return raw;
  for (auto at = raw.find('%'); at != std::string_view::npos; at = raw.find('%', at + 1)) {
    const int byte = percent_escape_at(raw, at);
    if (byte < 0 || byte == '/' || byte == '\\' || byte == '\0') return std::nullopt;
  }
  scratch.clear();
  percent_decode(scratch, raw);
  // After decoding: `%2e%2e` is a dot segment as well.
  if (has_dot_segment(scratch)) remove_dot_segments(scratch);
  return scratch;
}

bool query_reader::next() {
  const auto take = [](std::string_view text, std::string& decoded) {
    if (text.find_first_of("%+") == std::string_view::npos) return text;
    decoded.clear();
    return percent_decode(decoded, text, plus::space) ? std::string_view(decoded) : text;
  };
  while (!rest_.empty()) {
    const auto end = std::min(rest_.find('&'), rest_.size());
    const auto pair = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    name_ = take(pair.substr(0, equals), name_text_);
    value_ = take(pair.substr(std::min(equals + 1, pair.size())), value_text_);
    return true;
  }
  return false;
}

}  // namespace mamey::inline v1::http
