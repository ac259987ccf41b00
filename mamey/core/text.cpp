#include <mamey/core/text.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace mamey::inline v1 {
namespace {

constexpr bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
constexpr char to_lower(char c) { return is_upper(c) ? static_cast<char>(c | 0x20) : c; }
constexpr char to_upper(char c) { return is_lower(c) ? static_cast<char>(c & ~0x20) : c; }

template <class Number>
void append_number(std::string& out, Number value) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

// A run of capitals at the front is one word, whose last capital begins the next one: IOStream ⇒ ioStream.
void lower_first_word(std::string& name) {
  for (std::size_t i = 0; i < name.size() && is_upper(name[i]); ++i) {
    const bool begins_next_word = i > 0 && i + 1 < name.size() && !is_upper(name[i + 1]);
    if (begins_next_word) break;
    name[i] = to_lower(name[i]);
  }
}

}  // namespace

void append_text(std::string& out, const text_argument& argument) {
  switch (argument.type()) {
    case text_argument::kind::boolean:
      out += argument.integer() != 0 ? "true" : "false";
      return;
    case text_argument::kind::integer:
      append_number(out, argument.integer());
      return;
    case text_argument::kind::unsigned_integer:
      append_number(out, static_cast<std::uint64_t>(argument.integer()));
      return;
    case text_argument::kind::real:
      append_number(out, argument.real());
      return;
    case text_argument::kind::text:
      out += argument.text();
      return;
  }
}

std::string format_text(std::string_view pattern, std::span<const text_argument> arguments) {
  std::string out;
  out.reserve(pattern.size() + 16 * arguments.size());
  std::size_t next = 0;
  while (!pattern.empty()) {
    const auto brace = std::min(pattern.find_first_of("{}"), pattern.size());
    out += pattern.substr(0, brace);
    pattern.remove_prefix(brace);
    if (pattern.empty()) break;

    const bool doubled = pattern.size() > 1 && pattern[1] == pattern[0];
    const auto close = pattern[0] == '{' && !doubled ? pattern.find('}') : std::string_view::npos;
    if (doubled) {
      out += pattern[0];
      pattern.remove_prefix(2);
    } else if (close != std::string_view::npos && next < arguments.size()) {
      append_text(out, arguments[next++]);
      pattern.remove_prefix(close + 1);
    } else {
      out += pattern[0];
      pattern.remove_prefix(1);
    }
  }
  return out;
}

std::string camel_case(std::string_view name) {
  const bool has_lower = std::ranges::any_of(name, is_lower);
  const bool screaming = !has_lower && name.find('_') != std::string_view::npos;
  std::string out;
  out.reserve(name.size());
  bool begins_word = false;
  for (const char c : name) {
    if (c == '_') {
      begins_word = !out.empty();
      continue;
    }
    out += begins_word ? to_upper(c) : screaming ? to_lower(c) : c;
    begins_word = false;
  }
  lower_first_word(out);
  return out;
}

std::string snake_case(std::string_view name) {
  std::string out;
  out.reserve(name.size() + 4);
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool after_capital = i > 0 && is_upper(name[i - 1]);
    const bool before_lower = i + 1 < name.size() && is_lower(name[i + 1]);
    const bool begins_word = i > 0 && is_upper(name[i]) && name[i - 1] != '_' && (!after_capital || before_lower);
    if (begins_word) out += '_';
    out += to_lower(name[i]);
  }
  return out;
}

bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept {
  return std::ranges::equal(left, right, {}, to_lower, to_lower);
}

}  // namespace mamey::inline v1
