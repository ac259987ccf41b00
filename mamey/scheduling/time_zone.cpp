#include <mamey/scheduling/time_zone.hpp>

#include <cctz/time_zone.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <vector>

#include <mamey/core/ascii.hpp>
#include <mamey/core/error.hpp>
#include <mamey/core/suggestion.hpp>

namespace mamey::inline v1 {
namespace {

constexpr std::size_t longest = 64;

bool may_be_name(std::string_view name) {
  const auto is_allowed = [](char c) { return is_ascii_alphanumeric(c) || c == '/' || c == '_' || c == '-' || c == '+'; };
  return !name.empty() && name.size() <= longest && is_ascii_letter(name.front()) && std::ranges::all_of(name, is_allowed) &&
         name != "localtime" && !name.starts_with("Fixed/");  // both are names of cctz alone
}

std::string folder_of_zones() {
  const char* const given = std::getenv("TZDIR");
  return given && *given != '\0' ? given : "/usr/share/zoneinfo";
}

/// Of those that the database lists for people.
std::set<std::string> listed_zones() {
  std::set<std::string> names{"UTC"};
  for (const auto* file : {"/zone1970.tab", "/zone.tab"}) {
    std::ifstream lines(folder_of_zones() + file);
    for (std::string line; std::getline(lines, line);) {
      const auto place = line.find('\t');  // country, place, zone, perhaps a comment
      const auto zone = place == line.npos ? line.npos : line.find('\t', place + 1);
      if (!line.starts_with('#') && zone != line.npos) names.insert(line.substr(zone + 1, line.find('\t', zone + 1) - zone - 1));
    }
  }
  return names;
}

[[noreturn]] void refuse(std::string_view name) {
  const auto listed = listed_zones();
  if (listed.size() == 1)
    throw internal_error("invalid_schedule",
                         "the time zone \"{zone}\" was not found: there is no time zone database in {folder}; install the package tzdata",
                         name.substr(0, longest), folder_of_zones());
  throw internal_error("invalid_schedule",
                       "the time zone \"{zone}\" was not found, expected a name of the IANA database, such as Europe/Berlin or UTC{meant}",
                       name.substr(0, longest),
                       suggestion(name.substr(0, longest), std::vector<std::string_view>(listed.begin(), listed.end())));
}

cctz::civil_second civil_of(std::chrono::local_seconds time) { return cctz::civil_second(1970, 1, 1) + time.time_since_epoch().count(); }

}  // namespace

struct time_zone::rules {
  cctz::time_zone zone;
};

time_zone::time_zone(std::string_view name) : name_(name) {
  auto found = std::make_shared<rules>();
  if (!may_be_name(name) || !cctz::load_time_zone(name_, &found->zone)) refuse(name);
  rules_ = std::move(found);
}

std::chrono::local_seconds time_zone::to_local(std::chrono::sys_seconds time) const {
  return std::chrono::local_seconds(time.time_since_epoch() + std::chrono::seconds(rules_->zone.lookup(time).offset));
}

std::chrono::sys_seconds time_zone::to_utc(std::chrono::local_seconds time) const { return cctz::convert(civil_of(time), rules_->zone); }

}  // namespace mamey::inline v1
