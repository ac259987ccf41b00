#include <mamey/host/detail/settings.hpp>

#include <algorithm>
#include <set>

#include <mamey/core/time.hpp>
#include <mamey/observability/log.hpp>

namespace mamey::inline v1 {
namespace {

const logger log{"mamey.host"};

naming_conventions naming_of(const configuration& values, const app_options& app, const std::string& name) {
  naming_options options;
  configuration_report report;
  values.bind("rabbitMq", options, report);
  report.throw_if_any();  // what else stands there is the broker's: its unknown keys are not ours to name
  return {.assembly = app.assembly.empty() ? name : app.assembly,
          .exchange = options.exchange.name.empty() ? name : options.exchange.name,
          .queue_template = options.queue.template_,
          .casing = parse_name_casing(options.conventions_casing.empty() ? "snakeCase" : options.conventions_casing),
          .ignore_exchange = options.conventions.message_attribute.ignore_exchange,
          .ignore_routing_key = options.conventions.message_attribute.ignore_routing_key,
          .ignore_queue = options.conventions.message_attribute.ignore_queue};
}

}  // namespace

application_settings read_settings(const std::string& application, const std::vector<std::pair<std::string, std::string>>& defaults, configuration& values) {
  for (const auto& [setting, value] : defaults) {
    // A default list gives way as a whole: `server:urls:0` to whatever stands at `server:urls`.
    const auto list = setting.substr(0, setting.find_last_not_of("0123456789") + 1);
    if (!values.contains(list.ends_with(':') ? list.substr(0, list.size() - 1) : setting)) values.set(setting, value, default_origin);
  }
  application_settings read;
  persistence_options persistence;  // read by engine_choice: bound for the sake of its unknown keys
  configuration_report report;
  values.bind("app", read.app, report);
  values.bind("server", read.server, report);
  values.bind("shutdown", read.shutdown, report);
  values.bind("management", read.management, report);
  values.bind("swagger", read.documentation, report);
  values.bind("persistence", persistence, report);
  report.throw_if_any();
  warn_of(report.warnings);
  read.naming = naming_of(values, read.app, application);
  return read;
}

void warn_of(const std::vector<configuration_problem>& problems) {
  std::set<std::string> said;
  for (const auto& each : problems) {
    if (const auto text = to_string(each); said.insert(text).second) log.warning("{problem}", text);
  }
}

std::string places_of(std::string_view sentence, const configuration& values) {
  constexpr std::string_view of_a_name = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.";
  std::string places;
  for (std::size_t at = 0; (at = sentence.find_first_of(of_a_name, at)) != std::string_view::npos;) {
    const auto end = std::min(sentence.find_first_not_of(of_a_name, at), sentence.size());
    std::string key(sentence.substr(at, end - at));
    at = end;
    std::ranges::replace(key, '.', ':');
    if (key.find(':') == std::string::npos) continue;
    if (const auto origin = values.origin(key); !origin.empty()) places += (places.empty() ? " (" : ", ") + key + " is set by " + origin;
  }
  return places.empty() ? places : places + ")";
}

}  // namespace mamey::inline v1
