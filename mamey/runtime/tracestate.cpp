#include <mamey/runtime/tracestate.hpp>

#include <algorithm>
#include <cstddef>

namespace mamey::inline v1 {
namespace {

constexpr std::size_t most_members = 32;
constexpr std::size_t most_bytes = 8192;

std::string_view trimmed(std::string_view text) noexcept {
  const auto begin = std::min(text.find_first_not_of(" \t"), text.size());
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool of_a_key(char c) noexcept { return is_lower(c) || is_digit(c) || std::string_view("_-*/").find(c) != std::string_view::npos; }

/// `rojo`, or `tenant@system`; of level 1 and level 2 what both take.
bool is_key(std::string_view text) noexcept {
  const auto at = text.find('@');
  const auto tenant = text.substr(0, at);
  if (tenant.empty() || !std::ranges::all_of(tenant, of_a_key)) return false;
  if (at == std::string_view::npos) return is_lower(tenant.front()) && tenant.size() <= 256;
  const auto system = text.substr(at + 1);
  return (is_lower(tenant.front()) || is_digit(tenant.front())) && tenant.size() <= 241 && !system.empty() && system.size() <= 14 &&
         is_lower(system.front()) && std::ranges::all_of(system, of_a_key);
}

/// Printable, without comma and equals sign; blanks may be inside (those at its end have been cut off).
bool is_value(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 256 &&
         std::ranges::all_of(text, [](char c) { return c >= 0x20 && c <= 0x7e && c != ',' && c != '='; });
}

}  // namespace

std::string_view checked_tracestate(std::string_view text) noexcept {
  const auto whole = trimmed(text);
  if (whole.size() > most_bytes) return {};
  std::size_t members = 0;
  for (auto left = whole; !left.empty();) {
    const auto member = trimmed(left.substr(0, left.find(',')));
    left.remove_prefix(std::min(left.find(','), left.size() - 1) + 1);
    if (member.empty()) continue;  // allowed, for those who join lines
    const auto equals = member.find('=');
    if (equals == std::string_view::npos || !is_key(member.substr(0, equals)) || !is_value(member.substr(equals + 1)) ||
        ++members > most_members)
      return {};
  }
  return members == 0 ? std::string_view{} : whole;
}

}  // namespace mamey::inline v1
