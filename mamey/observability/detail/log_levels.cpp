#include <mamey/observability/detail/log_levels.hpp>

#include <array>
#include <utility>

namespace mamey::inline v1 {

namespace {

constexpr std::array<std::pair<std::string_view, log_level>, 12> level_names{{
    {"verbose", log_level::verbose},
    {"debug", log_level::debug},
    {"information", log_level::information},
    {"warning", log_level::warning},
    {"error", log_level::error},
    {"fatal", log_level::fatal},
    {"off", log_level::off},
    {"trace", log_level::verbose},
    {"info", log_level::information},
    {"warn", log_level::warning},
    {"critical", log_level::fatal},
    {"none", log_level::off},
}};

/// `mamey` is above `mamey` and `mamey.outbox`, not above `mameyx`.
bool is_above(std::string_view prefix, std::string_view category) {
  if (category.size() < prefix.size() || !equal_ignoring_case(category.substr(0, prefix.size()), prefix)) return false;
  return category.size() == prefix.size() || category[prefix.size()] == '.';
}

}  // namespace

std::string_view name_of(log_level level) noexcept {
  for (const auto& [name, candidate] : level_names) {
    if (candidate == level) return name;
  }
  return "unknown";
}

std::optional<log_level> parse_log_level(std::string_view name) noexcept {
  for (const auto& [candidate, level] : level_names) {
    if (equal_ignoring_case(candidate, name)) return level;
  }
  return std::nullopt;
}

namespace detail {

log_category& log_levels::find(std::string_view name) {
  std::lock_guard lock(mutex_);
  auto found = categories_.find(name);
  if (found == categories_.end()) {
    found =
        categories_.emplace(std::string(name), std::unique_ptr<log_category>(new log_category{std::string(name), level_of(name)})).first;
  }
  return *found->second;
}

void log_levels::replace(log_level default_level, std::map<std::string, log_level> overrides) {
  std::lock_guard lock(mutex_);
  default_ = default_level;
  overrides_ = std::move(overrides);
  apply();
}

void log_levels::set(std::string_view category, log_level level) {
  std::lock_guard lock(mutex_);
  if (category.empty()) {
    default_ = level;
  } else {
    std::erase_if(overrides_, [&](const auto& entry) { return equal_ignoring_case(entry.first, category); });
    overrides_.emplace(category, level);
  }
  apply();
}

std::map<std::string, log_level> log_levels::all() const {
  std::lock_guard lock(mutex_);
  auto levels = overrides_;
  levels[""] = default_;
  return levels;
}

log_level log_levels::level_of(std::string_view category) const {
  const std::pair<const std::string, log_level>* longest = nullptr;
  for (const auto& entry : overrides_) {
    if (is_above(entry.first, category) && (longest == nullptr || entry.first.size() >= longest->first.size())) longest = &entry;
  }
  return longest != nullptr ? longest->second : default_;
}

void log_levels::apply() {
  for (auto& [name, category] : categories_) category->minimum.store(level_of(name), std::memory_order_relaxed);
}

}  // namespace detail
}  // namespace mamey::inline v1
