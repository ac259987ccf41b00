#include <mamey/host/detail/logger_section.hpp>

#include <algorithm>
#include <span>
#include <string_view>

#include <mamey/core/text.hpp>

namespace mamey::inline v1 {
namespace {

/// Words of other loggers: their meaning is clear, but .NET has given them another effect.
constexpr std::string_view foreign_levels[] = {"", "trace", "info", "warn", "critical"};
constexpr std::string_view foreign_intervals[] = {"", "daily", "weekly", "monthly", "yearly", "hourly"};

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(' ');
  return begin == text.npos ? std::string_view() : text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

void fall_back(configuration& values, const std::string& key, std::span<const std::string_view> foreign, std::string_view instead,
               std::vector<configuration_problem>& warnings) {
  const auto value = values.find(key);
  if (!value || std::ranges::none_of(foreign, [&](std::string_view each) { return equal_ignoring_case(each, trimmed(*value)); })) return;
  const auto origin = values.origin(key);
  warnings.push_back({origin, key, "\"" + *value + "\" is none of the values; as in .NET, " + std::string(instead) + " is taken"});
  values.set(key, instead, origin);
}

}  // namespace

log_options read_logger_section(configuration& values, std::vector<configuration_problem>& warnings) {
  fall_back(values, "logger:level", foreign_levels, "information", warnings);
  for (const std::string section : {"logger:minimumLevelOverrides", "logger:overrides"}) {
    for (const auto& category : values.keys(section)) fall_back(values, section + ":" + category, foreign_levels, "information", warnings);
  }
  fall_back(values, "logger:file:interval", foreign_intervals, "day", warnings);
  auto options = values.bind<log_options>("logger");
  if (trimmed(options.file.path).empty()) options.file.path = log_file_options{}.path;
  return options;
}

}  // namespace mamey::inline v1
