#include <mamey/runtime/correlation_context.hpp>

#include <cstdint>

#include <mamey/core/json.hpp>

namespace mamey::inline v1 {
namespace {

constexpr bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string without_white_space(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (!in_text && is_space(c)) continue;
    out += c;
    if (in_text && c == '\\')
      out += json[++i];
    else if (c == '"')
      in_text = !in_text;
  }
  return out;
}

void append_escaped(std::string& out, std::uint32_t unit) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += digits[(unit >> shift) & 15];
}

}  // namespace

std::string carried_context(std::string_view json) {
  if (json.empty() || !json::is_valid(json)) return {};
  auto text = without_white_space(json);
  const bool says_something = (text.front() == '{' || text.front() == '[' || text.front() == '"') && text != "{}";
  return says_something ? text : std::string();
}

std::string ascii_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (std::size_t i = 0; i < json.size();) {
    const auto first = static_cast<unsigned char>(json[i]);
    if (first < 0x80) {
      out += json[i++];
      continue;
    }
    const std::size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    std::uint32_t point = first & (0x3FU >> more);
    for (std::size_t k = 1; k <= more && i + k < json.size(); ++k) point = point << 6 | (static_cast<unsigned char>(json[i + k]) & 0x3FU);
    i += more + 1;
    if (point >= 0x10000) {
      append_escaped(out, 0xD800 + ((point - 0x10000) >> 10));
      append_escaped(out, 0xDC00 + ((point - 0x10000) & 0x3FF));
    } else {
      append_escaped(out, point);
    }
  }
  return out;
}

}  // namespace mamey::inline v1
