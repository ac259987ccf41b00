#include <mamey/core/configuration.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>

#include <mamey/core/detail/configuration_state.hpp>
#include <mamey/core/secrets.hpp>

namespace mamey::inline v1 {

using detail::configuration_node;

namespace {

std::string joined(const std::vector<configuration_problem>& problems) {
  std::string text;
  for (const auto& problem : problems) text.append(text.empty() ? "" : "\n").append(to_string(problem));
  return text;
}

std::string read_whole_file(const std::string& path) {
  constexpr std::size_t most_bytes = 16U << 20U;
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file || text.empty()) throw configuration_error({{path, "", "the file cannot be read or is empty"}});
  if (text.size() > most_bytes) throw configuration_error({{path, "", "the file is larger than 16 MiB"}});
  return text;
}

void collect(const configuration_node& node, const std::string& path, std::vector<configuration_entry>& into) {
  if (node.is_surrounding && node.children.empty()) return;
  if (node.holds == configuration_node::content::text) into.push_back({path, masked(path, node.value), node.origin});
  if (node.holds == configuration_node::content::null) into.push_back({path, "null", node.origin});
  for (const auto& child : node.children) collect(child, path.empty() ? child.key : path + ":" + child.key, into);
}

}  // namespace

std::string to_string(const configuration_problem& problem) {
  std::string text;
  for (const auto* part : {&problem.origin, &problem.key}) {
    if (!part->empty()) text.append(*part).append(": ");
  }
  return text + problem.message;
}

configuration_error::configuration_error(std::vector<configuration_problem> problems)
    : error(error_kind::internal, "configuration", joined(problems)), problems_(std::move(problems)) {}

void configuration_report::throw_if_any() const {
  if (!errors.empty()) throw configuration_error(errors);
}

configuration::configuration() : state_(std::make_unique<state>()) {}
configuration::configuration(configuration&&) noexcept = default;
configuration& configuration::operator=(configuration&&) noexcept = default;
configuration::~configuration() = default;

configuration configuration::clone() const {
  configuration copy;
  copy.state_->root = state_->root;
  return copy;
}

configuration& configuration::add_file(const std::string& path) { return add_json(read_whole_file(path), path); }

configuration& configuration::add_json(std::string_view json, std::string_view source) {
  state_->root.merge(detail::read_configuration_json(json, source));
  return *this;
}

configuration& configuration::add_values(std::span<const std::pair<std::string, std::string>> values, std::string_view source) {
  for (const auto& [key, value] : values) set(key, value, source);
  return *this;
}

configuration& configuration::set(std::string_view key, std::string_view value, std::string_view source) {
  state_->root.at_path(key, source).set(std::string(value), source);
  return *this;
}

std::optional<std::string> configuration::find(std::string_view key) const {
  const auto* node = key.empty() ? state_->root.child(key) : state_->root.find(key);
  if (!node || node->holds != configuration_node::content::text) return std::nullopt;
  return node->value;
}

bool configuration::contains(std::string_view key) const { return state_->root.find(key) != nullptr; }

std::vector<std::string> configuration::keys(std::string_view section) const {
  std::vector<std::string> result;
  if (const auto* node = state_->root.find(section)) {
    for (const auto& child : node->children) result.push_back(child.key);
  }
  return result;
}

std::string configuration::origin(std::string_view key) const {
  const auto* node = state_->root.find(key);
  return node ? node->origin : std::string();
}

bool configuration::is_given(std::string_view section) const {
  const auto* node = state_->root.find(section);
  return node && !node->children.empty() && node->origin != default_origin;
}

configuration configuration::for_application(std::string_view name) const {
  auto own = clone();
  if (const auto* part = state_->root.child(name)) {
    for (const auto& each : part->children) own.state_->root.at(each.key, each.origin).merge(each);
  }
  return own;
}

std::vector<configuration_problem> configuration::warnings(std::span<const std::string_view> known) const {
  const std::lock_guard lock(state_->mutex);
  auto result = state_->warnings;
  std::vector<std::string_view> names(state_->bound.begin(), state_->bound.end());
  names.insert(names.end(), known.begin(), known.end());
  for (const auto& section : state_->root.children) {
    if (section.children.empty() || std::ranges::any_of(names, [&](auto name) { return detail::same_key(name, section.key); })) continue;
    if (const auto meant = detail::nearest(section.key, names); !meant.empty()) {
      result.push_back(
          {section.children.front().origin, section.key, "nobody reads this section: did you mean " + std::string(meant) + "?"});
    }
  }
  return result;
}

std::vector<std::string> configuration::unread_sections() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<std::string> result;
  for (const auto& section : state_->root.children) {
    const auto is_read = [&](const std::string& name) {
      auto first = std::string_view(name);
      return detail::same_key(first.substr(0, first.find(':')), section.key);
    };
    if (!section.children.empty() && std::ranges::none_of(state_->bound, is_read)) result.push_back(section.key);
  }
  return result;
}

std::vector<configuration_entry> configuration::entries() const {
  std::vector<configuration_entry> result;
  collect(state_->root, "", result);
  return result;
}

std::string to_string(const configuration& values) {
  std::string text;
  for (const auto& entry : values.entries())
    text.append(entry.key).append(" = ").append(entry.value).append("   (").append(entry.origin).append(")\n");
  return text;
}

}  // namespace mamey::inline v1
