#include <mamey/host/detail/unmet.hpp>

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include <mamey/core/text.hpp>

namespace mamey::inline v1 {
namespace {

bool is_true(const configuration& values, const std::string& key) {
  const auto value = values.find(key);
  return value && (equal_ignoring_case(*value, "true") || *value == "1");
}

/// Sections that work in .NET as soon as they are there.
constexpr std::string_view without_switch[] = {"mongo", "redis", "mssql", "mysql", "minio"};
/// Sections of protection, reported separately. Of `security` each part has a switch.
constexpr std::string_view protecting[] = {"jwt", "multiAuth", "security"};
constexpr std::string_view switches_elsewhere[] = {"metrics:influxEnabled", "FORWARDEDHEADERS_ENABLED", "swagger:reDocEnabled",
                                                   "swagger:serializeAsOpenApiV2"};
/// Of .NET's host, in effect there as soon as they have a value.
constexpr std::string_view values_elsewhere[] = {"hostingStartupAssemblies", "shutdownTimeoutSeconds"};
constexpr std::string_view keys_elsewhere[] = {"logger:seq", "logger:elk", "logger:loki", "logger:azure"};

bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::any_of(names, [&](std::string_view each) { return equal_ignoring_case(each, name); });
}

class list_of_places {
 public:
  explicit list_of_places(const configuration& values) : values_(values) {}
  void add(std::string name, const std::string& key) {
    std::ranges::replace(name, ':', '.');
    const auto origin = values_.origin(key);
    text_ += (text_.empty() ? "" : ", ") + name + (origin.empty() ? "" : " (" + origin + ")");
  }
  const std::string& text() const { return text_; }

 private:
  const configuration& values_;
  std::string text_;
};

/// Of a section that nobody reads: the key that asks for it; empty when nothing does.
std::string asking_key(const configuration& values, const std::string& section) {
  const auto enabled = section + ":enabled";
  if (values.contains(enabled)) return is_true(values, enabled) ? enabled : "";
  if (equal_ignoring_case(section, "jwt"))
    return is_true(values, section + ":authenticationDisabled") ? "" : section + ":" + values.keys(section).front();
  return contains(without_switch, section) || equal_ignoring_case(section, "multiAuth") ? section + ":" + values.keys(section).front() : "";
}

}  // namespace

unmet_requests find_unmet(const configuration& values) {
  list_of_places not_in_effect(values), unread(values);
  for (const auto& section : values.unread_sections()) {
    if (equal_ignoring_case(section, "security")) {
      for (const auto& part : values.keys(section)) {
        const auto key = section + ":" + part + ":enabled";
        if (is_true(values, key)) not_in_effect.add(section + ":" + part, key);
      }
      continue;
    }
    if (const auto key = asking_key(values, section); !key.empty())
      (contains(protecting, section) ? not_in_effect : unread).add(section, key);
  }
  for (const auto key : switches_elsewhere) {
    if (is_true(values, std::string(key))) not_in_effect.add(std::string(key), std::string(key));
  }
  for (const auto key : values_elsewhere) {
    if (!values.find(key).value_or("").empty()) not_in_effect.add(std::string(key), std::string(key));
  }
  for (const auto key : keys_elsewhere) {
    const auto enabled = std::string(key) + ":enabled";
    if (is_true(values, enabled)) not_in_effect.add(std::string(key), enabled);
  }
  return {.not_in_effect = not_in_effect.text(), .unread = unread.text()};
}

bool is_known_elsewhere(std::string_view key) { return contains(keys_elsewhere, key); }

}  // namespace mamey::inline v1
