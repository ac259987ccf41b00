#include <mamey/core/utf8.hpp>

#include <algorithm>

#include <mamey/core/detail/utf8.hpp>

namespace mamey::inline v1 {
namespace {

std::size_t length_of_first(std::string_view text) noexcept { return text.front() == '\0' ? 0 : detail::utf8_length(text); }

}  // namespace

bool is_utf8_text(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const auto length = length_of_first(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

void make_utf8_text(std::string& bytes) noexcept {
  for (std::size_t i = 0; i < bytes.size();) {
    const auto length = length_of_first(std::string_view(bytes).substr(i));
    if (length == 0) bytes[i] = '?';
    i += std::max<std::size_t>(length, 1);
  }
}

std::string text_behind_prefix(std::string prefix) {
  while (!prefix.empty()) {
    auto start = prefix.size() - 1;
    while (start > 0 && (static_cast<unsigned char>(prefix[start]) & 0xC0U) == 0x80U) --start;
    const auto length = prefix.size() - start;
    const auto first = static_cast<unsigned char>(prefix[start]);
    std::uint32_t last = length == 1 ? first : first & (0xFFU >> (length + 1));
    for (auto at = start + 1; at < prefix.size(); ++at) last = last << 6U | (static_cast<unsigned char>(prefix[at]) & 0x3FU);
    prefix.resize(start);
    if (last == 0x10FFFF) continue;                                    // nothing is behind it in its place
    detail::append_utf8(prefix, last == 0xD7FF ? 0xE000U : last + 1);  // surrogates are no characters
    return prefix;
  }
  return {};
}

}  // namespace mamey::inline v1
