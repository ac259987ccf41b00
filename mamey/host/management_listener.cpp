#include <mamey/host/detail/management_listener.hpp>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/core/text.hpp>
#include <mamey/runtime/event_loop.hpp>
#include <mamey/runtime/runtime.hpp>

namespace mamey::inline v1 {
namespace {

constexpr auto last_answers = std::chrono::seconds(1);

/// Few small requests: nothing of the service's own bounds is taken from, or given to, it.
web::server_options server_options_of(const management_options& options) {
  return {.urls = options.urls,
          .socket_mode = options.socket_mode,
          .max_connections = options.max_connections,
          .max_in_flight = options.max_in_flight,
          .max_body_bytes = 64 << 10,
          .max_buffered_bytes = 16 << 20,
          .header_timeout = std::chrono::seconds(5),
          .body_timeout = std::chrono::seconds(5),
          .write_timeout = std::chrono::seconds(10),
          .request_timeout = options.request_timeout,
          .correlation_context_header = ""};
}

web::server_options with_certificate(web::server_options options, const tls_options& tls) {
  options.tls = tls;
  return options;
}

bool is_every_address(std::string_view host) { return host == "*" || host == "0.0.0.0" || host == "::"; }

std::string_view without_name(std::string_view host) { return equal_ignoring_case(host, "localhost") ? "127.0.0.1" : host; }

/// Whether both cannot be listened on at once. Port 0 is a free one.
bool meet(const web::endpoint& one, const web::endpoint& other) {
  const auto hosts = std::pair(without_name(one.host), without_name(other.host));
  if (one.host.starts_with("unix:") || other.host.starts_with("unix:")) return hosts.first == hosts.second;
  if (one.port != other.port || one.port == 0) return false;
  return hosts.first == hosts.second || is_every_address(hosts.first) || is_every_address(hosts.second);
}

/// An address of the service that is none is refused when it starts to listen.
std::vector<web::endpoint> readable(const std::vector<std::string>& urls) {
  std::vector<web::endpoint> found;
  for (const auto& each : urls) {
    try {
      found.push_back(web::endpoint::parse(each));
    } catch (const std::invalid_argument&) {}
  }
  return found;
}

}  // namespace

void management_options::check(const management_options& options, violations& found) {
  web::server_options::check(server_options_of(options), found);
}

void check_management_urls(const management_options& options, const web::server_options& service, const configuration& values) {
  const auto taken = readable(service.urls);
  for (std::size_t i = 0; i < options.urls.size(); ++i) {
    const auto key = "management:urls:" + std::to_string(i);
    const auto refuse = [&](std::string why) {
      throw configuration_error({{.origin = values.origin(key), .key = key, .message = std::move(why)}});
    };
    try {
      const auto wanted = web::endpoint::parse(options.urls[i]);
      const auto met = std::ranges::find_if(taken, [&](const web::endpoint& each) { return meet(each, wanted); });
      if (met != taken.end())
        refuse(options.urls[i] + " is where the service listens (" + met->url() +
               "): give management an address of its own, or remove the setting to have it there, guarded");
    } catch (const std::invalid_argument& wrong) {
      refuse(wrong.what());
    }
  }
}

management_listener::management_listener(runtime& on, const management_options& options, const tls_options& tls)
    : server_(std::vector<event_loop*>{&on.system_loop()}, with_certificate(server_options_of(options), tls), answers_) {}

void management_listener::close() {
  server_.stop_accepting();
  server_.drain(steady_now());  // ends connections without a request: scrapers keep theirs
  server_.drain(steady_now() + last_answers);
  server_.close();
}

}  // namespace mamey::inline v1
