#include <mamey/core/secrets.hpp>

#include <algorithm>
#include <array>
#include <cctype>

namespace mamey::inline v1 {

namespace {

char lower(char c) noexcept { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

/// Compares without case, `_`, `-` and blanks: `API_KEY`, `apiKey` and `api-key` are one word.
std::string folded(std::string_view word) {
  std::string result;
  for (const char c : word) {
    if (c != '_' && c != '-' && c != ' ') result += lower(c);
  }
  return result;
}

bool names_a_secret(std::string_view word) {
  static constexpr std::array parts = {"password",   "passwd",     "passphrase", "secret",        "token",     "apikey",
                                       "privatekey", "signingkey", "accesskey",  "encryptionkey", "credential"};
  static constexpr std::array wholes = {"key", "pwd", "pass", "authorization", "rawdata"};
  static constexpr std::array about_one = {"name", "file", "path",
                                           "url",  "uri",  "endpoint"};  // `passwordFile`, `tokenEndpoint`: where it is, not what
  const auto text = folded(word);
  if (std::ranges::any_of(about_one, [&](std::string_view end) { return text.ends_with(end); })) return false;
  return std::ranges::any_of(parts, [&](std::string_view part) { return text.find(part) != text.npos; }) ||
         std::ranges::any_of(wholes, [&](std::string_view whole) { return text == whole; });
}

bool is_index(std::string_view word) {
  return !word.empty() && std::ranges::all_of(word, [](char c) { return c >= '0' && c <= '9'; });
}

/// Takes the last part off a path.
std::string_view split_last(std::string_view& path) {
  auto cut = path.find_last_of(":.");
  const auto underscores = path.rfind("__");
  std::size_t width = 1;
  if (underscores != path.npos && (cut == path.npos || underscores > cut)) {
    cut = underscores;
    width = 2;
  }
  const auto last = cut == path.npos ? path : path.substr(cut + width);
  path = cut == path.npos ? std::string_view() : path.substr(0, cut);
  return last;
}

/// `scheme://user:PASSWORD@host`. The password ends at the last `@` before the path, as a password may contain one.
void mask_userinfo(std::string& value) {
  for (auto at = value.find("://"); at != value.npos; at = value.find("://", at)) {
    at += 3;
    const auto end = std::min(value.find_first_of("/?# ;", at), value.size());
    const auto sign = value.rfind('@', end);
    const auto colon = value.find(':', at);
    if (sign == value.npos || sign < at || colon == value.npos || colon > sign) continue;
    value.replace(colon + 1, sign - colon - 1, secret_mask);
  }
}

/// `Name=SECRET;` of ADO and Npgsql, `name=SECRET,` of StackExchange.Redis, `?name=SECRET&` of URIs.
void mask_assignments(std::string& value) {
  for (auto equals = value.find('='); equals != value.npos; equals = value.find('=', equals + 1)) {
    const auto before = value.find_last_of(";,?& ", equals);
    auto begin = before == value.npos ? 0 : before + 1;
    if (!names_a_secret(std::string_view(value).substr(begin, equals - begin))) {
      // "User Password=x": the blank is part of the name
      const auto strong = value.find_last_of(";,?&", equals);
      begin = strong == value.npos ? 0 : strong + 1;
      if (!names_a_secret(std::string_view(value).substr(begin, equals - begin))) continue;
    }
    const auto end = std::min(value.find_first_of(";,&", equals + 1), value.size());
    if (end > equals + 1) value.replace(equals + 1, end - equals - 1, secret_mask);
  }
}

}  // namespace

bool is_secret_name(std::string_view name) {
  bool is_last = true;
  while (!name.empty()) {
    const auto part = split_last(name);
    if (is_index(part)) continue;
    if (is_last ? names_a_secret(part) : folded(part) == "secrets" || folded(part) == "passwords" || folded(part) == "apikeys") return true;
    is_last = false;
  }
  return false;
}

std::string masked(std::string_view name, std::string_view value) {
  if (value.empty()) return {};
  if (is_secret_name(name)) return std::string(secret_mask);
  std::string shown(value);
  mask_userinfo(shown);
  mask_assignments(shown);
  return shown;
}

}  // namespace mamey::inline v1
