#include <mamey/core/detail/json_grammar.hpp>

#include <cstdint>

#include <mamey/core/detail/utf8.hpp>

namespace mamey::inline v1::json::detail {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Steps over digits; false when there is none.
bool skip_digits(std::string_view text, std::size_t& at) {
  const auto begin = at;
  while (at < text.size() && is_digit(text[at])) ++at;
  return at > begin;
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// The four digits behind `\u`, which `rest` begins with; -1 when they are not there.
std::int32_t code_unit(std::string_view rest) {
  if (rest.size() < 6 || rest[0] != '\\' || rest[1] != 'u') return -1;
  std::int32_t unit = 0;
  for (std::size_t i = 2; i < 6; ++i) {
    const int digit = hex_value(rest[i]);
    if (digit < 0) return -1;
    unit = unit << 4 | digit;
  }
  return unit;
}

struct escape {
  std::int32_t code_point = -1;  // -1: malformed
  std::size_t length = 0;
};

escape unicode_escape(std::string_view rest) {
  const auto unit = code_unit(rest);
  const bool is_high = unit >= 0xd800 && unit < 0xdc00;
  if (!is_high) return {unit >= 0xdc00 && unit < 0xe000 ? -1 : unit, 6};
  const auto low = code_unit(rest.substr(6));
  if (low < 0xdc00 || low >= 0xe000) return {};
  return {0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00), 12};
}

/// The escape that `rest` begins with.
escape read_escape(std::string_view rest) {
  switch (rest.size() > 1 ? rest[1] : '\0') {
    case '"':
      return {'"', 2};
    case '\\':
      return {'\\', 2};
    case '/':
      return {'/', 2};
    case 'b':
      return {'\b', 2};
    case 'f':
      return {'\f', 2};
    case 'n':
      return {'\n', 2};
    case 'r':
      return {'\r', 2};
    case 't':
      return {'\t', 2};
    case 'u':
      return unicode_escape(rest);
    default:
      return {};
  }
}

}  // namespace

number_form number_form_of(std::string_view text) noexcept {
  std::size_t at = !text.empty() && text[0] == '-';
  const bool leading_zero = at < text.size() && text[at] == '0';
  const auto first = at;
  if (!skip_digits(text, at) || (leading_zero && at > first + 1)) return number_form::none;
  if (at == text.size()) return number_form::integer;
  if (text[at] == '.' && !skip_digits(text, ++at)) return number_form::none;
  if (at < text.size() && (text[at] | 0x20) == 'e') {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (!skip_digits(text, at)) return number_form::none;
  }
  return at == text.size() ? number_form::real : number_form::none;
}

bool unescape(std::string_view content, std::string& out) {
  while (true) {
    const auto backslash = content.find('\\');
    out += content.substr(0, backslash);
    if (backslash == std::string_view::npos) return true;
    content.remove_prefix(backslash);
    const auto found = read_escape(content);
    if (found.code_point < 0) return false;
    mamey::detail::append_utf8(out, static_cast<std::uint32_t>(found.code_point));
    content.remove_prefix(found.length);
  }
}

bool escapes_are_valid(std::string_view content) noexcept {
  for (auto backslash = content.find('\\'); backslash != std::string_view::npos; backslash = content.find('\\')) {
    content.remove_prefix(backslash);
    const auto found = read_escape(content);
    if (found.code_point < 0) return false;
    content.remove_prefix(found.length);
  }
  return true;
}

}  // namespace mamey::inline v1::json::detail
