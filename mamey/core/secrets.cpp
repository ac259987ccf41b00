#include <mamey/core/secrets.hpp>

#include <algorithm>
#include <array>

#include <mamey/core/ascii.hpp>

namespace mamey::inline v1 {

namespace {

/// Compares without case, `_`, `-` and blanks: `API_KEY`, `apiKey` and `api-key` are one word.
std::string folded(std::string_view word) {
  std::string result;
  for (const char c : word) {
    if (c != '_' && c != '-' && c != ' ') result += ascii_lower(c);
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

/// Where the authority that begins at `at` has the `@` behind a password; npos when there is none. A password may contain `@`, and who did not
/// escape it `/`, `?` and `#` as well: then what stands behind the colon is no port.
std::size_t end_of_password(std::string_view value, std::size_t at, std::size_t colon) {
  const auto end = std::min(value.find_first_of("/?# ;", at), value.size());
  const auto sign = value.rfind('@', end);
  if (sign != value.npos && sign > at) return sign;
  if (colon > end || is_index(value.substr(colon + 1, end - colon - 1)) || value[at] == '[') return value.npos;
  const auto bound = std::min({value.find(' ', at), value.find("://", at), value.size()});
  const auto later = value.rfind('@', bound);
  return later != value.npos && later > colon ? later : value.npos;
}

/// `scheme://user:PASSWORD@host`.
void mask_userinfo(std::string& value) {
  for (auto at = value.find("://"); at != value.npos; at = value.find("://", at)) {
    at += 3;
    const auto colon = value.find(':', at);
    if (at == value.size() || colon == value.npos) continue;
    const auto sign = end_of_password(value, at, colon);
    if (sign == value.npos || colon > sign) continue;
    value.replace(colon + 1, sign - colon - 1, secret_mask);
  }
}

/// Behind a quoted value that begins at `begin`. Its quote is doubled or escaped within, so it ends at one that something new, or nothing, follows.
std::size_t end_of_quoted(std::string_view value, std::size_t begin) {
  const char quote = value[begin];
  for (auto at = value.find(quote, begin + 1); at != value.npos; at = value.find(quote, at + 1)) {
    if (at + 1 < value.size() && value[at + 1] == quote) {
      ++at;
      continue;
    }
    if (value[at - 1] == '\\' && value.find(quote, at + 1) != value.npos) continue;
    const auto next = value.find_first_not_of(' ', at + 1);
    if (next == value.npos || next > at + 1 || std::string_view(";,&").find(value[next]) != std::string_view::npos) return at + 1;
  }
  return value.size();
}

/// Whether the text goes on with `separator name=` somewhere behind `from`.
bool goes_on_with(std::string_view value, std::size_t from, char separator) {
  for (auto at = value.find(separator, from); at != value.npos; at = value.find(separator, at + 1)) {
    const auto end = value.find_first_of(";,& =", at + 1);
    if (end != value.npos && end > at + 1 && value[end] == '=') return true;
  }
  return false;
}

/// Behind a value that has no quotes and begins at `begin`. What separated the name from the text before separates the value from what follows; without a text
/// before, what follows decides. In doubt too much is masked.
std::size_t end_of_bare(std::string_view value, std::size_t begin, char separator) {
  if (separator == '\0') {
    for (const char each : {';', ',', '&', ' '}) {
      if (separator == '\0' && (goes_on_with(value, begin, each) || (each == ';' && value.find(';', begin) != value.npos)))
        separator = each;
    }
    if (separator == '\0') return value.size();
  }
  return std::min(
      value.find_first_of(separator == '?' || separator == '&' ? std::string_view("&#") : std::string_view(&separator, 1), begin),
      value.size());
}

/// `Name=SECRET;` and `Name="SEC;RET"` of ADO and Npgsql, `name=SECRET,` of StackExchange.Redis, `name='SEC RET' ` of libpq, `?name=SECRET&` of URIs.
void mask_assignments(std::string& value) {
  const bool is_ado = value.find(';') != value.npos;
  for (auto equals = value.find('='); equals != value.npos; equals = value.find('=', equals + 1)) {
    // "User Password=x": the blank is part of the name.
    for (const std::string_view separators : {";,?& ", ";,?&"}) {
      const auto before = equals == 0 ? value.npos : value.find_last_of(separators, equals - 1);
      const auto begin = before == value.npos ? 0 : before + 1;
      if (!names_a_secret(std::string_view(value).substr(begin, equals - begin))) continue;
      auto separator = before == value.npos ? '\0' : value[before];
      if (separator == ' ' && is_ado) {
        const auto strong = value.find_last_of(";,?&", equals - 1);
        separator = strong == value.npos ? ';' : value[strong];
      }
      const auto first = std::min(value.find_first_not_of(' ', equals + 1), value.size());
      const bool is_quoted = first < value.size() && (value[first] == '"' || value[first] == '\'');
      const auto end = is_quoted ? end_of_quoted(value, first) : end_of_bare(value, equals + 1, separator);
      if (end > equals + 1) value.replace(equals + 1, end - equals - 1, secret_mask);
      break;
    }
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
