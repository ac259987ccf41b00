#include <mamey/runtime/baggage.hpp>

#include <algorithm>

#include <mamey/core/percent.hpp>

namespace mamey::inline v1 {
namespace {

constexpr std::size_t most_members = 64;
constexpr std::size_t most_bytes = 8192;
/// Of baggage-octet (W3C Baggage §3.3.1.3) all but `%`: escaping more than has to be would make what passes through grow.
constexpr std::string_view kept = "!#$&'()*+/:<=>?@[]^`{|}";

bool is_name(std::string_view text) {
  constexpr std::string_view token = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  return !text.empty() && text.find_first_not_of(token) == std::string_view::npos;
}

/// W3C Baggage §3.3.1.3, and the sign of an escape. Anything else would be escaped on the way out, and grow.
bool is_value(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '\\'; });
}

std::string_view trimmed(std::string_view text) {
  const auto begin = std::min(text.find_first_not_of(" \t"), text.size());
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

/// What the header has room for.
class room {
 public:
  /// False, and nothing is taken, when it has none for this member.
  bool take(std::string_view name, std::string_view value) {
    const auto size = (members_ == 0 ? 0 : 1) + name.size() + 1 + percent_encoded_size(value, kept);
    if (members_ == most_members || bytes_ + size > most_bytes) return false;
    ++members_;
    bytes_ += size;
    return true;
  }
  bool full() const { return members_ == most_members; }

 private:
  std::size_t members_ = 0, bytes_ = 0;
};

}  // namespace

std::string to_baggage_text(const std::map<std::string, std::string>& baggage, std::string_view except) {
  std::string text;
  room left;
  for (const auto& [name, value] : baggage) {
    if (name == except || !is_name(name) || !left.take(name, value)) continue;
    text.append(text.empty() ? "" : ",").append(name).append("=");
    percent_encode(text, value, kept);
  }
  return text;
}

void read_baggage(std::map<std::string, std::string>& into, std::string_view text) {
  room left;
  for (const auto& [name, value] : into) left.take(name, value);
  while (!text.empty() && !left.full()) {
    const auto end = std::min(text.find(','), text.size());
    const auto member = trimmed(text.substr(0, std::min(end, text.find(';'))));
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto equals = member.find('=');
    if (equals == std::string_view::npos || member.size() > 3 * most_bytes) continue;
    const auto name = trimmed(member.substr(0, equals));
    const auto escaped = trimmed(member.substr(equals + 1));
    std::string value;
    if (!is_name(name) || into.contains(std::string(name)) || !is_value(escaped) || !percent_decode(value, escaped)) continue;
    if (left.take(name, value)) into.emplace(name, std::move(value));
  }
}

}  // namespace mamey::inline v1
