#include <mamey/host/detail/management_guard.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string_view>

#include <mamey/core/error.hpp>
#include <mamey/core/text.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/event_loop.hpp>
#include <mamey/web/forwarding.hpp>
#include <mamey/web/problem.hpp>

namespace mamey::inline v1 {
namespace {

const logger log{"mamey.host"};

bool is_loopback(std::string_view address) {
  return address.starts_with("127.") || address == "::1" || address == "unix" || address.starts_with("::ffff:127.");
}

/// `localhost`, `127.0.0.1:5000`, `[::1]:5000`: a name that nobody else's page or resolver can have given.
bool names_this_machine(std::string_view authority) {
  if (authority.starts_with('[')) return authority.starts_with("[::1]") && (authority.size() == 5 || authority[5] == ':');
  const auto host = authority.substr(0, authority.find(':'));
  if (equal_ignoring_case(host, "localhost")) return true;
  // Digits and dots only: `127.evil.example` is a name.
  return host.starts_with("127.") && std::ranges::all_of(host, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

std::string_view authority_of(std::string_view origin) {
  const auto scheme = origin.find("://");
  return scheme == std::string_view::npos ? origin : origin.substr(scheme + 3);
}

/// Somebody may be trying keys: worth a line, but not one for each.
void tell_of_wrong_key(const http::request& request) {
  static std::atomic<std::int64_t> quiet_until{0};
  static std::atomic<std::uint64_t> wrong{0};
  ++wrong;
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(steady_now().time_since_epoch()).count();
  auto until = quiet_until.load();
  if (now < until || !quiet_until.compare_exchange_strong(until, now + 10)) return;
  log.warning("{request_method} {request_path} came from {peer} with a wrong management key; {count} such requests since the last line",
              request.method_text(), request.path(), request.peer(), wrong.exchange(0));
}

}  // namespace

bool same_secret(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < left.size(); ++i) difference |= static_cast<unsigned char>(left[i]) ^ static_cast<unsigned char>(right[i]);
  return difference == 0;
}

std::string refusal_of_management(const http::request& request, const management_options& options) {
  if (!options.api_key.empty()) {
    const auto given = request.header("X-Api-Key");
    return given && same_secret(*given, options.api_key) ? "" : "X-Api-Key is missing or wrong";
  }
  if (!is_loopback(request.peer())) return "it comes from another machine";
  if (const auto target = request.target(); target.find("://") < target.find_first_of("/?")) {  // `GET http://name/path`: counts as Host
    const auto authority = authority_of(target);
    if (!names_this_machine(authority.substr(0, authority.find_first_of("/?"))))
      return "its target names another machine: expected localhost or 127.0.0.1";
  }
  for (const auto& each : request.headers()) {
    if (web::is_forwarding_header(each.name)) return "it came through a proxy, as its header " + std::string(each.name) + " says";
    if (equal_ignoring_case(each.name, "Host") && !names_this_machine(each.value))
      return "its Host is no name of this machine: expected localhost or 127.0.0.1";
    if (equal_ignoring_case(each.name, "Origin") && !names_this_machine(authority_of(each.value)))
      return "a page of another origin has made it";
    if (equal_ignoring_case(each.name, "Sec-Fetch-Site") && each.value != "same-origin" && each.value != "none")
      return "a page of another site has made it";
  }
  return "";
}

void require_management(const http::request& request, const management_options& options) {
  const auto refusal = refusal_of_management(request, options);
  if (refusal.empty()) return;
  if (options.api_key.empty()) {
    throw forbidden(
        "management_is_local",
        "management is open to requests of this machine only, and this is none: {cause}; set management:apiKey to open it with a key",
        refusal);
  }
  if (request.header("X-Api-Key")) tell_of_wrong_key(request);
  throw web::http_error(401, "api_key_missing", refusal)
      .with_header("WWW-Authenticate", "ApiKey realm=\"management\", header=\"X-Api-Key\"");
}

}  // namespace mamey::inline v1
