#include <mamey/core/detail/configuration_tree.hpp>

#include <algorithm>
#include <utility>

#include <mamey/core/configuration.hpp>

namespace mamey::inline v1::detail {

namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Edits that make one word of the other: insertions, deletions, replacements and swaps of neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto x = lower(a[i - 1]), y = lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (x == y ? 0 : 1)});
      if (i > 1 && j > 1 && x == lower(b[j - 2]) && lower(a[i - 2]) == y) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

bool same_key(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

bool path_parts::next(std::string_view& part) noexcept {
  if (!more_) return false;
  const auto cut = rest_.find(':');
  part = rest_.substr(0, cut);
  more_ = cut != rest_.npos;
  if (more_) rest_.remove_prefix(cut + 1);
  return true;
}

const configuration_node* configuration_node::child(std::string_view name) const noexcept {
  const auto found = std::ranges::find_if(children, [name](const configuration_node& each) { return same_key(each.key, name); });
  return found == children.end() ? nullptr : &*found;
}

const configuration_node* configuration_node::find(std::string_view path) const noexcept {
  const auto* node = this;
  if (path.empty()) return node;
  path_parts parts(path);
  for (std::string_view part; node && parts.next(part);) node = node->child(part);
  return node;
}

configuration_node& configuration_node::at(std::string_view name, std::string_view where) {
  if (const auto* found = child(name)) return const_cast<configuration_node&>(*found);
  auto& made = children.emplace_back();
  made.key = name;
  made.origin = where;
  return made;
}

configuration_node& configuration_node::at_path(std::string_view path, std::string_view where) {
  constexpr std::ptrdiff_t most_parts = 64;
  if (std::ranges::count(path, ':') >= most_parts)
    throw configuration_error({{std::string(where), std::string(path), "a key has at most 64 parts"}});
  auto* node = this;
  path_parts parts(path);
  for (std::string_view part; parts.next(part);) node = &node->at(part, where);
  return *node;
}

void configuration_node::set(std::string text, std::string_view where) {
  holds = content::text;
  value = std::move(text);
  origin = where;
  is_surrounding = false;
}

void configuration_node::merge(configuration_node overlay) {
  if (overlay.holds != content::none) {
    holds = overlay.holds;
    value = std::move(overlay.value);
    origin = std::move(overlay.origin);
    is_surrounding = overlay.is_surrounding;
  }
  is_list = is_list || overlay.is_list;
  for (auto& each : overlay.children) at(each.key, each.origin).merge(std::move(each));
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  std::string_view best;
  auto least = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const auto candidate : candidates) {
    if (const auto distance = edit_distance(word, candidate); distance < least) {
      least = distance;
      best = candidate;
    }
  }
  if (!best.empty() || word.size() < 6) return best;
  // A word left out: `recoveryInterval` for `networkRecoveryInterval`. Only when it can be one alone.
  const auto has_word = [&](std::string_view candidate) {
    return candidate.size() > word.size() &&
           (same_key(candidate.substr(0, word.size()), word) || same_key(candidate.substr(candidate.size() - word.size()), word));
  };
  return std::ranges::count_if(candidates, has_word) == 1 ? *std::ranges::find_if(candidates, has_word) : best;
}

}  // namespace mamey::inline v1::detail
