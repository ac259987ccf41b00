#include <mamey/host/detail/settings.hpp>

#include <algorithm>
#include <set>

#include <mamey/core/text.hpp>
#include <mamey/core/time.hpp>
#include <mamey/host/detail/unmet.hpp>
#include <mamey/http/url.hpp>
#include <mamey/observability/log.hpp>

namespace mamey::inline v1 {
namespace {

const logger log{"mamey.host"};

/// Blank is none, as in .NET.
void clear_if_blank(std::string& name) {
  if (name.find_first_not_of(" \t") == name.npos) name.clear();
}

/// Two packages of .NET serve the metrics, each with a switch of its own: they are there unless one says no and none says yes.
bool shows_metrics(const metrics_options& metrics, const prometheus_options& prometheus, const configuration& values) {
  const bool says[] = {values.contains("metrics:enabled"), values.contains("prometheus:enabled")};
  const bool yes = (says[0] && metrics.enabled) || (says[1] && prometheus.enabled);
  return yes || !(says[0] || says[1]);
}

}  // namespace

void add_defaults(const std::vector<std::pair<std::string, std::string>>& defaults, configuration& values) {
  for (const auto& [setting, value] : defaults) {
    // A default list gives way as a whole: `server:urls:0` to whatever stands at `server:urls`.
    const auto list = setting.substr(0, setting.find_last_not_of("0123456789") + 1);
    if (!values.contains(list.ends_with(':') ? list.substr(0, list.size() - 1) : setting)) values.set(setting, value, default_origin);
  }
}

application_settings read_settings(const std::string& application, const configuration& values) {
  application_settings read;
  metrics_options metrics;
  configuration_report report;
  values.bind("app", read.app, report);
  values.bind("server", read.server, report);
  values.bind("shutdown", read.shutdown, report);
  values.bind("management", read.management, report);
  values.bind("swagger", read.documentation, report);
  values.bind("persistence", read.persistence, report);
  values.bind("metrics", metrics, report);
  values.bind("prometheus", read.prometheus, report);
  report.throw_if_any();
  warn_of(report.warnings);
  clear_if_blank(read.server.correlation_context_header);
  if (read.documentation.route_prefix.empty() && values.find("swagger:routePrefix"))
    read.documentation.route_prefix = "/";  // said to be none: the page is at the root
  read.prometheus.enabled = shows_metrics(metrics, read.prometheus, values);
  std::vector<configuration_problem> remarks;
  read.naming = read_bus_naming(values, application, remarks);
  warn_of(remarks);
  return read;
}

namespace {

/// A service is called much later, by somebody who cannot know what is wrong with its address.
void check_services(const http::client_options& options, const configuration& values, std::span<const std::string> neighbours) {
  std::vector<configuration_problem> found;
  for (const auto& [name, settings] : options.services) {
    const auto& address = settings.url;
    if (http::url_parts::parse(address)) continue;
    const bool is_neighbour =
        std::ranges::any_of(neighbours, [&own = name](const std::string& each) { return equal_ignoring_case(each, own); });
    auto key = "httpClient:services:" + name;
    if (address.empty() && !values.find(key) && (is_neighbour || !options.type.empty()))
      continue;  // found elsewhere; these are its other settings
    if (!values.find(key)) key += ":url";
    const bool is_given = values.find(key).has_value();
    const auto shown = http::without_user_information(address);
    found.push_back({.origin = values.origin(key),
                     .key = key,
                     .message = "expected http://HOST:PORT, https://HOST:PORT or HOST:PORT" +
                                std::string(shown == address ? "" : " without user and password, which would not be sent") +
                                (!is_given ? ", and the service has none" : ", got \"" + shown + "\"")});
  }
  if (!found.empty()) throw configuration_error(std::move(found));
}

}  // namespace

http::client_options read_client_options(const configuration& values, std::span<const std::string> neighbours) {
  auto read = values.bind<http::client_options>("httpClient");
  check_services(read, values, neighbours);
  clear_if_blank(read.correlation_context_header);
  clear_if_blank(read.correlation_id_header);
  return read;
}

void warn_of(const std::vector<configuration_problem>& problems) {
  std::set<std::string> said;
  for (const auto& each : problems) {
    if (is_known_elsewhere(each.key)) continue;
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
