#include <mamey/runtime/baggage.hpp>

#include <algorithm>
#include <charconv>
#include <optional>

namespace mamey::inline v1 {
namespace {

constexpr std::size_t most_members = 32;

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_one_of(char c, std::string_view others) { return is_alphanumeric(c) || others.find(c) != std::string_view::npos; }

bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return is_one_of(c, "!#$%&'*+-.^_`|~"); });
}

void encode(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_one_of(c, "-._~"))
      out += c;
    else
      out.append("%").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
  }
}

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned byte = 0;
    const auto code = text.substr(i + 1, 2);
    const auto [end, wrong] = std::from_chars(code.data(), code.data() + code.size(), byte, 16);
    if (wrong != std::errc() || code.size() != 2 || end != code.data() + 2) return std::nullopt;
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string to_baggage_text(const std::map<std::string, std::string>& baggage, std::string_view except) {
  std::string text;
  for (const auto& [name, value] : baggage) {
    if (name == except || !is_name(name)) continue;
    text.append(text.empty() ? "" : ",").append(name).append("=");
    encode(text, value);
  }
  return text;
}

void read_baggage(std::map<std::string, std::string>& into, std::string_view text) {
  while (!text.empty() && into.size() < most_members) {
    const auto end = std::min(text.find(','), text.size());
    const auto member = trimmed(text.substr(0, std::min(end, text.find(';'))));
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto equals = member.find('=');
    if (equals == std::string_view::npos || !is_name(member.substr(0, equals))) continue;
    if (auto value = decoded(member.substr(equals + 1))) into.emplace(member.substr(0, equals), std::move(*value));
  }
}

}  // namespace mamey::inline v1
