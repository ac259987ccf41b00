#include <mamey/messaging/detail/message_type.hpp>

#include <string>

namespace mamey::inline v1::detail {

namespace {

/// Without namespace and assembly, case and separators.
std::string plain(std::string_view name) {
  name = name.substr(0, name.find(','));
  if (const auto before = name.find_last_of(".:/+"); before != std::string_view::npos) name.remove_prefix(before + 1);
  std::string letters;
  for (const char c : name) {
    if (c == '_' || c == '-' || c == ' ') continue;
    letters += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return letters;
}

}  // namespace

bool is_same_type(std::string_view said, std::string_view expected) { return said == expected || plain(said) == plain(expected); }

}  // namespace mamey::inline v1::detail
