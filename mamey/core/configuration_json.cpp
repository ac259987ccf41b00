#include <algorithm>
#include <array>
#include <cstdint>

#include <mamey/core/configuration.hpp>
#include <mamey/core/detail/configuration_tree.hpp>
#include <mamey/core/detail/utf8.hpp>

namespace mamey::inline v1::detail {

namespace {

constexpr std::uint32_t replacement = 0xFFFD;

/// UTF-16 in files of Windows, recognised by its mark: half a surrogate pair becomes U+FFFD.
std::string from_utf16(std::string_view bytes, bool little_endian) {
  std::string text;
  const auto unit = [&](std::size_t at) -> std::uint32_t {
    const auto byte = [&](std::size_t i) -> std::uint32_t { return static_cast<unsigned char>(bytes[at + i]); };
    return little_endian ? byte(0) | byte(1) << 8 : byte(0) << 8 | byte(1);
  };
  for (std::size_t at = 2; at + 1 < bytes.size(); at += 2) {
    auto code = unit(at);
    if (code >= 0xD800 && code <= 0xDFFF) {
      const auto second = code <= 0xDBFF && at + 3 < bytes.size() ? unit(at + 2) : 0;
      const bool is_pair = second >= 0xDC00 && second <= 0xDFFF;
      code = is_pair ? 0x10000 + ((code - 0xD800) << 10) + (second - 0xDC00) : replacement;
      if (is_pair) at += 2;
    }
    append_utf8(text, code);
  }
  return text;
}

/// What is no UTF-8 becomes U+FFFD: values go into headers and logs.
std::string with_valid_utf8(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const auto valid = find_invalid_utf8(bytes);
    text += bytes.substr(0, valid);
    bytes.remove_prefix(valid);
    if (bytes.empty()) break;
    append_utf8(text, replacement);
    bytes.remove_prefix(1);
  }
  return text;
}

std::string to_utf8(std::string_view bytes) {
  constexpr std::string_view little_endian_mark = "\xFF\xFE", big_endian_mark = "\xFE\xFF";
  if (bytes.starts_with(little_endian_mark)) return from_utf16(bytes, true);
  if (bytes.starts_with(big_endian_mark)) return from_utf16(bytes, false);
  return with_valid_utf8(bytes);
}

/// Reads what people write into configuration files: JSON with comments, trailing commas and a byte order mark. Written for its messages
/// and its line numbers; bodies and bus messages have the fast reader.
class json_reader {
 public:
  json_reader(std::string_view text, std::string_view source) : text_(text), source_(source) {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (text_.starts_with(byte_order_mark)) at_ = byte_order_mark.size();
  }

  configuration_node read() {
    configuration_node root;
    skip_blanks();
    if (peek() != '{') fail("expected an object: { … }");
    read_object(root, 0);
    skip_blanks();
    if (at_ < text_.size()) fail("expected nothing after the closing }");
    return root;
  }

 private:
  static constexpr int deepest = 64;

  char peek() const noexcept { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) noexcept {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view word) noexcept {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  std::string here() const { return source_ + ":" + std::to_string(line_); }

  [[noreturn]] void fail(std::string message) const {
    if (at_ >= text_.size()) message += "; the text ends here";
    throw configuration_error({{here(), "", std::move(message)}});
  }

  void skip_blanks() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n') ++line_;
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
        ++at_;
      else if (take("//"))
        at_ = std::min(text_.find('\n', at_), text_.size());
      else if (take("/*"))
        skip_comment();
      else
        return;
    }
  }

  void skip_comment() {
    const auto end = text_.find("*/", at_);
    if (end == text_.npos) fail("a comment /* is never closed by */");
    line_ += std::ranges::count(text_.substr(at_, end - at_), '\n');
    at_ = end + 2;
  }

  void read_value(configuration_node& into, int depth) {
    if (depth > deepest) fail("nested more than 64 deep");
    const char c = peek();
    if (c == '{') return read_object(into, depth);
    if (c == '[') return read_list(into, depth);
    if (into.holds != configuration_node::content::none) fail("\"" + into.key + "\" stands twice, first at " + into.origin);
    const auto where = here();
    if (c == '"') {
      into.set(read_string(), where);
    } else if (take("null")) {
      into.holds = configuration_node::content::null;
      into.origin = where;
    } else {
      into.set(read_word(), where);
    }
  }

  void read_object(configuration_node& into, int depth) {
    take('{');
    for (skip_blanks(); !take('}'); skip_blanks()) {
      if (peek() != '"') fail("expected a key in double quotes, or }");
      const auto where = here();
      const auto key = read_string();
      skip_blanks();
      if (!take(':')) fail("expected : after \"" + key + "\"");
      skip_blanks();
      read_value(into.at_path(key, where), depth + 1);
      skip_blanks();
      if (!take(',') && peek() != '}') fail("expected , or } after the value of \"" + key + "\"");
    }
  }

  void read_list(configuration_node& into, int depth) {
    take('[');
    into.is_list = true;
    std::size_t index = 0;
    for (skip_blanks(); !take(']'); skip_blanks()) {
      read_value(into.at(std::to_string(index++), here()), depth + 1);
      skip_blanks();
      if (!take(',') && peek() != ']') fail("expected , or ] after an element");
    }
  }

  /// A number as it is written; a boolean as the text that .NET makes of it, which a setting that is a text then has.
  std::string read_word() {
    const auto begin = at_;
    const auto is_part = [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '+' || c == '.';
    };
    while (is_part(peek())) ++at_;
    const auto word = text_.substr(begin, at_ - begin);
    if (word != "true" && word != "false" && !is_number(word)) {
      at_ = begin;
      fail("expected a value: \"text\", a number, true, false, null, { or [");
    }
    return word == "true" ? "True" : word == "false" ? "False" : std::string(word);
  }

  /// RFC 8259 §6.
  static bool is_number(std::string_view word) {
    const auto digits = [&word] {
      const auto count = std::min(word.find_first_not_of("0123456789"), word.size());
      word.remove_prefix(count);
      return count;
    };
    if (word.starts_with('-')) word.remove_prefix(1);
    const bool starts_with_zero = word.starts_with('0');
    const auto whole = digits();
    if (whole == 0 || (starts_with_zero && whole > 1)) return false;
    if (word.starts_with('.')) {
      word.remove_prefix(1);
      if (digits() == 0) return false;
    }
    if (word.starts_with('e') || word.starts_with('E')) {
      word.remove_prefix(1);
      if (word.starts_with('+') || word.starts_with('-')) word.remove_prefix(1);
      if (digits() == 0) return false;
    }
    return word.empty();
  }

  std::string read_string() {
    take('"');
    std::string result;
    while (!take('"')) {
      const char c = peek();
      if (at_ >= text_.size() || c == '\n') fail("a text is never closed by \"");
      if (static_cast<unsigned char>(c) < 0x20) fail("a control character in a text; write it as \\u00XX");
      ++at_;
      if (c == '\\')
        read_escape(result);
      else
        result += c;
    }
    return result;
  }

  void read_escape(std::string& into) {
    constexpr std::string_view letters = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    const char c = peek();
    if (const auto known = letters.find(c); c != '\0' && known != letters.npos) {
      ++at_;
      into += meanings[known];
    } else if (take('u')) {
      append_utf8(into, read_code_point());
    } else {
      fail("an unknown escape; a backslash itself is written \\\\");
    }
  }

  unsigned read_code_point() {
    const unsigned first = read_four_digits();
    if (first < 0xD800 || first > 0xDFFF) return first;
    if (first > 0xDBFF || !take("\\u")) fail("half of a surrogate pair");
    const unsigned second = read_four_digits();
    if (second < 0xDC00 || second > 0xDFFF) fail("half of a surrogate pair");
    return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
  }

  unsigned read_four_digits() {
    constexpr std::string_view digits = "0123456789abcdef";
    unsigned value = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = peek();
      const auto digit = digits.find(static_cast<char>(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c));
      if (digit == digits.npos || c == '\0') fail("expected four hexadecimal digits after \\u");
      value = value * 16 + static_cast<unsigned>(digit);
    }
    return value;
  }

  std::string_view text_;
  std::string source_;
  std::size_t at_ = 0;
  std::ptrdiff_t line_ = 1;
};

}  // namespace

configuration_node read_configuration_json(std::string_view json, std::string_view source) {
  const bool is_plain = find_invalid_utf8(json) == json.size();
  return is_plain ? json_reader(json, source).read() : json_reader(to_utf8(json), source).read();
}

}  // namespace mamey::inline v1::detail
