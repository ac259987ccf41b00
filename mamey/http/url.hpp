#pragma once

/// @file
/// For features and services.
/// Addresses and their encoding, for both ends.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mamey::inline v1::http {

/// `http://host:port/path?query`, or `https://…`, which the client calls over TLS.
struct url_parts {
  std::string scheme = "http";
  std::string host;  ///< without brackets: `::1`
  std::uint16_t port = 80;
  std::string target = "/";  ///< path and query as they go on the wire

  /// Empty when malformed: no host, a port out of range, user information, control characters, spaces. Without a scheme it is http, as
  /// in configuration files of .NET Mamey (Convey) (`localhost:5003`). A fragment is dropped.
  static std::optional<url_parts> parse(std::string_view text);
  /// `host:port`, brackets around IPv6, the port left out when it is the scheme's.
  std::string authority() const;
};

/// For logs and errors: `http://user:password@host` as `http://***@host`, whatever else is wrong with it. Others as they are.
std::string without_user_information(std::string_view address);

/// Percent-encodes everything but the unreserved characters of RFC 3986 §2.3.
void percent_encode(std::string& out, std::string_view text);
std::string percent_encoded(std::string_view text);

enum class plus : std::uint8_t { literal, space };
/// Appends the decoded text. False when an escape is malformed.
bool percent_decode(std::string& out, std::string_view text, plus plus_means = plus::literal);

/// The path that routes are matched against: decoded, dot segments resolved (never above the root). `scratch` holds the result when it
/// differs from `raw`. Empty when it is refused: a malformed escape, or an encoded slash, backslash or NUL (%2F, %5C, %00), which two
/// servers in a row may read differently.
std::optional<std::string_view> resolve_path(std::string_view raw, std::string& scratch);

/// Walks `a=1&b=2`. `name` and `value` of the current pair are decoded and live until the next call.
class query_reader {
 public:
  explicit query_reader(std::string_view query) noexcept : rest_(query) {}
  /// False at the end. A malformed escape stays as it is written.
  bool next();
  std::string_view name() const noexcept { return name_; }
  std::string_view value() const noexcept { return value_; }

 private:
  std::string_view rest_;
  std::string_view name_, value_;
  std::string name_text_, value_text_;
};

}  // namespace mamey::inline v1::http
