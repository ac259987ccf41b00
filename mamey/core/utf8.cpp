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

}  // namespace mamey::inline v1
