#include <mamey/messaging/shared_queue.hpp>

#include <algorithm>

#include <mamey/messaging/detail/message_type.hpp>

namespace mamey::inline v1 {

namespace {

bool is_pattern(std::string_view key) { return key.find_first_of("*#") != std::string_view::npos; }

/// As a topic exchange: `*` is one word, `#` any number of them.
bool matches(std::string_view pattern, std::string_view key) {
  const auto word_of = [](std::string_view text) { return text.substr(0, text.find('.')); };
  const auto rest_of = [](std::string_view text) {
    return text.find('.') == text.npos ? std::string_view() : text.substr(text.find('.') + 1);
  };
  if (!is_pattern(pattern)) return pattern == key;
  const auto word = word_of(pattern);
  const bool is_last = pattern.size() == word.size();
  if (word == "#") {
    if (is_last) return true;
    for (;; key = rest_of(key)) {
      if (matches(rest_of(pattern), key)) return true;
      if (key.empty()) return false;
    }
  }
  if (key.empty() || (word != "*" && word != word_of(key))) return false;
  const bool key_ends = key.find('.') == key.npos;
  if (is_last || key_ends) return is_last ? key_ends : rest_of(pattern) == "#";
  return matches(rest_of(pattern), rest_of(key));
}

}  // namespace

const subscription* meant_by(const envelope& message, std::span<const subscription* const> candidates) {
  const auto find = [&](auto holds) {
    const auto found = std::ranges::find_if(candidates, [&](const subscription* each) { return holds(*each); });
    return found == candidates.end() ? nullptr : *found;
  };
  if (!message.type.empty()) {
    if (const auto* exact = find([&](const subscription& each) { return each.message_type == message.type; })) return exact;
    if (const auto* same = find([&](const subscription& each) { return detail::is_same_type(message.type, each.message_type); }))
      return same;
  }
  return find(
      [&](const subscription& each) { return each.exchange == message.exchange && matches(each.routing_key, message.routing_key); });
}

bool are_confusable(const subscription& one, const subscription& other) {
  if (one.exchange != other.exchange) return false;
  if (is_pattern(one.routing_key) && is_pattern(other.routing_key)) return true;
  return matches(one.routing_key, other.routing_key) || matches(other.routing_key, one.routing_key);
}

}  // namespace mamey::inline v1
