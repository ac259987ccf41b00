#include <mamey/scheduling/schedule.hpp>

#include <variant>

#include <mamey/core/error.hpp>
#include <mamey/core/time.hpp>
#include <mamey/scheduling/cron.hpp>
#include <mamey/scheduling/time_zone.hpp>

namespace mamey::inline v1 {
namespace {

using std::chrono::sys_seconds;

constexpr std::string_view of_cron = "cron ", of_zone = " in ", of_interval = "every ";
constexpr auto last_day = std::chrono::sys_days(std::chrono::year(9990) / 1 / 1);  // later times are no times for texts and databases

}  // namespace

struct schedule::rule {
  struct local_times {
    cron_expression expression;
    time_zone zone;

    /// Local times in order are instants in order, though not always different ones: a time is passed over that was due already.
    std::optional<sys_seconds> next_after(sys_seconds after) const {
      auto local = std::optional(std::chrono::floor<std::chrono::minutes>(zone.to_local(after)));
      while ((local = expression.next_after(*local))) {
        const auto due = zone.to_utc(*local);
        if (due > after) return due;
      }
      return std::nullopt;
    }
  };

  std::string text;
  std::variant<local_times, std::chrono::seconds> when;
};

schedule schedule::cron(std::string_view expression, std::string_view zone) {
  rule::local_times when{cron_expression(expression), time_zone(zone)};
  return schedule(std::make_shared<const rule>(
      rule{.text = std::string(of_cron).append(expression).append(of_zone).append(zone), .when = std::move(when)}));
}

schedule schedule::every(std::chrono::seconds interval) {
  if (interval < shortest_interval || interval > longest_interval) {
    throw internal_error("invalid_schedule", "the interval {interval} is refused, expected one from {shortest} to {longest}",
                         format_duration(saturating_cast<ticks>(interval)), format_duration(shortest_interval),
                         format_duration(longest_interval));
  }
  return schedule(std::make_shared<const rule>(rule{.text = std::string(of_interval) + format_duration(interval), .when = interval}));
}

schedule schedule::parse(std::string_view text) {
  if (text.starts_with(of_interval)) {
    const auto interval = parse_duration(text.substr(of_interval.size()));
    if (interval) return every(std::chrono::floor<std::chrono::seconds>(*interval));
  }
  if (const auto zone = text.rfind(of_zone); text.starts_with(of_cron) && zone != text.npos && zone >= of_cron.size())
    return cron(text.substr(of_cron.size(), zone - of_cron.size()), text.substr(zone + of_zone.size()));
  throw internal_error("invalid_schedule", "\"{text}\" is no schedule that this release knows", text.substr(0, 300));
}

const std::string& schedule::text() const noexcept { return rule_->text; }

std::optional<sys_seconds> schedule::next_after(sys_seconds after) const {
  if (after >= last_day) return std::nullopt;
  if (const auto* const local = std::get_if<rule::local_times>(&rule_->when)) {
    const auto next = local->next_after(after);
    return next && *next < last_day ? next : std::nullopt;
  }
  const auto interval = std::get<std::chrono::seconds>(rule_->when);
  auto passed = after.time_since_epoch() / interval;
  if (after.time_since_epoch() % interval < std::chrono::seconds(0)) --passed;
  return sys_seconds((passed + 1) * interval);
}

}  // namespace mamey::inline v1
