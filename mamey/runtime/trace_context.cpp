#include <algorithm>
#include <cstring>
#include <span>

#include <mamey/runtime/context.hpp>
#include <mamey/runtime/random.hpp>

namespace mamey::inline v1 {
namespace {

/// W3C Trace Context §3.2.2: `00-` 32 digits `-` 16 digits `-` 2 digits, lower case only.
constexpr std::size_t version_0_size = 55;

int digit_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool read_hex(std::string_view text, std::span<std::uint8_t> into) noexcept {
  for (std::size_t i = 0; i < into.size(); ++i) {
    const int high = digit_value(text[2 * i]);
    const int low = digit_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    into[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

void append_hex(std::string& out, std::span<const std::uint8_t> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const auto byte : bytes) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
}

/// Ids need only be unlikely to meet; all-zero ones are invalid.
template <std::size_t Size>
void fill_randomly(std::array<std::uint8_t, Size>& id) {
  do {
    for (std::size_t i = 0; i < Size; i += sizeof(std::uint64_t)) {
      const auto bits = small_random();
      std::memcpy(id.data() + i, &bits, sizeof bits);
    }
  } while (std::ranges::all_of(id, [](std::uint8_t byte) { return byte == 0; }));
}

}  // namespace

std::optional<trace_context> trace_context::parse(std::string_view traceparent) noexcept {
  if (traceparent.size() < version_0_size || traceparent[2] != '-' || traceparent[35] != '-' || traceparent[52] != '-') return std::nullopt;
  std::array<std::uint8_t, 1> version{}, flags{};
  trace_context parsed;
  if (!read_hex(traceparent, version) || !read_hex(traceparent.substr(3), parsed.trace_id) ||
      !read_hex(traceparent.substr(36), parsed.span_id) || !read_hex(traceparent.substr(53), flags)) {
    return std::nullopt;
  }
  // A later version may append members after another dash (§3.2.4); ff is never one.
  const bool longer = traceparent.size() > version_0_size;
  if (version[0] == 0xff || (longer && (version[0] == 0 || traceparent[version_0_size] != '-'))) return std::nullopt;
  if (!parsed.valid()) return std::nullopt;
  parsed.sampled = (flags[0] & 1) != 0;
  return parsed;
}

trace_context trace_context::make_root(bool sampled) {
  trace_context made;
  fill_randomly(made.trace_id);
  fill_randomly(made.span_id);
  made.sampled = sampled;
  return made;
}

trace_context trace_context::child() const {
  trace_context made = *this;
  made.parent_id = span_id;
  fill_randomly(made.span_id);
  return made;
}

std::string trace_context::to_traceparent() const {
  std::string text;
  text.reserve(version_0_size);
  text += "00-";
  append_hex(text, trace_id);
  text += '-';
  append_hex(text, span_id);
  text += sampled ? "-01" : "-00";
  return text;
}

std::string trace_context::trace_id_text() const {
  std::string text;
  append_hex(text, trace_id);
  return text;
}

}  // namespace mamey::inline v1
