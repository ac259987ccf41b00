#include <mamey/host/detail/framework_endpoints.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>

#include <mamey/core/error.hpp>
#include <mamey/core/text.hpp>
#include <mamey/host/detail/management_guard.hpp>
#include <mamey/http/url.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/observability/logging.hpp>
#include <mamey/runtime/event_loop.hpp>
#include <mamey/web/problem.hpp>

namespace mamey::inline v1 {
namespace {

const logger log{"mamey.host"};

constexpr std::string_view plain = "text/plain; charset=utf-8";

enum class details { for_operators, for_nobody };

/// Anybody may ask how the service is; what exactly is wrong, with hosts, users and databases, is the operator's to read.
web::route_function health_answer(health::registry& probes, health::kind asked, details shown, const management_options& options) {
  return [&probes, asked, shown, options](http::request& request, http::response& response) {
    auto report = probes.check(asked);
    if (shown == details::for_nobody || !refusal_of_management(request, options).empty()) {
      for (auto& each : report.entries) each.message.clear();
    }
    const auto accept = request.header("Accept");
    const bool wants_text = accept && http::list_contains(*accept, "text/plain");
    response.set_body(wants_text ? plain : "application/json; charset=utf-8",
                      wants_text ? health::to_text(report) : health::to_json(report));
    response.set_status(health::http_status(report));
    response.set_header("Cache-Control", "no-store");
  };
}

/// What a scrape is answered with. It costs, and anybody may ask: beyond so many a second the last one is handed out again.
class limited_exposition {
 public:
  explicit limited_exposition(const metrics::registry& application) : application_(application) {}

  std::shared_ptr<const std::string> get() {
    if (auto last = last_if_too_often()) return last;
    auto fresh =
        std::make_shared<const std::string>(metrics::expose({&metrics::process(), &application_}));  // outside of the lock: it may wait
    const std::lock_guard lock(guard_);
    return last_ = std::move(fresh);
  }

 private:
  static constexpr int most_a_second = 20;

  std::shared_ptr<const std::string> last_if_too_often() {
    const std::lock_guard lock(guard_);
    if (const auto now = steady_now(); now - second_ >= std::chrono::seconds(1)) {
      second_ = now;
      made_ = 0;
    }
    if (made_ >= most_a_second && last_) return last_;
    ++made_;
    return nullptr;
  }

  const metrics::registry& application_;
  std::mutex guard_;
  std::shared_ptr<const std::string> last_;
  steady_time second_{};
  int made_ = 0;
};

void set_log_level(http::request& request, http::response& response) {
  std::string level, category;
  for (http::query_reader query(request.query()); query.next();) {
    if (query.name() == "level")
      level = query.value();
    else if (query.name() == "category")
      category = query.value();
  }
  const auto parsed = parse_log_level(level);
  if (!parsed) {
    response.set_status(400).set_body(plain, "expected ?level=verbose|debug|information|warning|error|fatal|off, got \"" + level + "\"");
    return;
  }
  static constexpr std::size_t longest_category = 128, most_categories = 256;
  const auto levels = logging::levels();
  if (category.size() > longest_category || (levels.size() > most_categories && !levels.contains(category))) {
    response.set_status(400).set_body(plain, "expected a category of at most 128 bytes, and no more than 256 of them");
    return;
  }
  // Before it takes effect: nobody switches the log off without a trace.
  log.warning("the level of {log_category} becomes {level}, as {peer} asked",
              category.empty() ? "all categories without one of their own" : category, level, request.peer());
  logging::set_level(*parsed, category);
  response.set_body(plain, (category.empty() ? "the default level" : "level of " + category) + " is " + level);
}

std::string path_of_metrics(const prometheus_options& options) {
  auto path = options.endpoint;
  while (path.ends_with('/')) path.pop_back();
  if (path.empty()) return "/metrics";
  return path.starts_with('/') ? path : "/" + path;
}

}  // namespace

bool may_read_metrics(const http::request& request, const prometheus_options& options) {
  if (options.api_key.empty()) return true;
  std::size_t keys = 0;
  bool right = false;
  for (http::query_reader query(request.query()); query.next();) {
    if (!equal_ignoring_case(query.name(), "apiKey")) continue;
    ++keys;
    right = same_secret(query.value(), options.api_key);
  }
  if (keys == 1 && right) return true;
  const auto is_allowed = [&](std::string_view host) {
    return std::ranges::find(options.allowed_hosts, host) != options.allowed_hosts.end();
  };
  auto host = request.header("Host").value_or("");
  if (const auto colon = host.rfind(':'); colon != host.npos && host.find(']', colon) == host.npos) host = host.substr(0, colon);
  const auto forwarded = request.header("X-Forwarded-For");
  return is_allowed(host) || (forwarded && is_allowed(*forwarded));
}

namespace {

/// Routes of the framework, but for what the service has of its own.
class route_list {
 public:
  explicit route_list(const std::vector<web::route>& declared) : declared_(declared) {}

  void add(http_method method, std::string pattern, web::route_function handle) {
    const bool taken =
        std::ranges::any_of(declared_, [&](const web::route& each) { return each.method == method && each.pattern == pattern; });
    // Who looks whether we are well must not hear that we are busy: an orchestrator would end a process that has only much to do.
    if (!taken)
      routes_.push_back({.method = method,
                         .pattern = pattern,
                         .handle = std::move(handle),
                         .name = pattern,
                         .place = "the framework",
                         .under_overload = method == http_method::get});
  }
  std::vector<web::route> take() { return std::move(routes_); }

 private:
  const std::vector<web::route>& declared_;
  std::vector<web::route> routes_;
};

void add_health(route_list& to, const framework_parts& of, details shown) {
  to.add(http_method::get, "/health/live", health_answer(of.health, health::kind::liveness, shown, of.management));
  to.add(http_method::get, "/health/ready", health_answer(of.health, health::kind::readiness, shown, of.management));
  to.add(http_method::get, "/health/startup", health_answer(of.health, health::kind::startup, shown, of.management));
}

void add_management(route_list& to, const framework_parts& of) {
  add_health(to, of, details::for_operators);
  if (of.exposition.enabled) {
    to.add(http_method::get, path_of_metrics(of.exposition),
           [shown = std::make_shared<limited_exposition>(of.metrics), exposition = of.exposition](http::request& request,
                                                                                                  http::response& response) {
             if (may_read_metrics(request, exposition))
               response.set_body(metrics::content_type, *shown->get());
             else
               response.set_status(404);
           });
  }
  if (of.management.log_level) {
    to.add(http_method::post, "/logging/level", [options = of.management](http::request& request, http::response& response) {
      require_management(request, options);
      set_log_level(request, response);
    });
  }
}

}  // namespace

std::vector<web::route> framework_routes(const framework_parts& of, const std::string& title, const std::vector<web::route>& declared) {
  route_list routes(declared);
  routes.add(http_method::get, "/", [title](http::request&, http::response& response) { response.set_body(plain, title); });
  routes.add(http_method::get, "/ping", [](http::request&, http::response& response) { response.set_body(plain, "pong"); });
  if (of.management.urls.empty())
    add_management(routes, of);
  else if (of.management.public_health)
    add_health(routes, of, details::for_nobody);
  return routes.take();
}

std::vector<web::route> management_routes(const framework_parts& of) {
  const std::vector<web::route> nothing_declared;
  route_list routes(nothing_declared);
  add_management(routes, of);
  return routes.take();
}

}  // namespace mamey::inline v1
