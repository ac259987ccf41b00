#include <mamey/web/server.hpp>

#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/core/rules.hpp>
#include <mamey/http/headers.hpp>
#include <mamey/http/on_loop.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/stream.hpp>
#include <mamey/runtime/sync.hpp>
#include <mamey/web/detail/worker.hpp>

namespace mamey::inline v1::web {
namespace {

using http::detail::run_on_loop;

const logger log{"mamey.web"};
constexpr auto handshakes_under_way = std::chrono::milliseconds(50);  // a round trip of a client at some distance
constexpr auto soon = std::chrono::days(14);

/// What is allowed, and hardly meant.
void tell_of_tls(const tls_options& options, const tls_context& ready) {
  if (options.verify == tls_verify::none && !options.ca_file.empty())
    log.warning("server:tls:caFile is set, but server:tls:verify is none: no client is asked for a certificate");
  const auto left = ready.certificate_expires().value_or(std::chrono::sys_seconds::max()) -
                    std::chrono::time_point_cast<std::chrono::seconds>(wall_now());
  if (left.count() <= 0) {
    log.error("the certificate {file} has expired: clients that check it will not connect", options.certificate_file);
  } else if (left < soon) {
    log.warning("the certificate {file} expires in {hours} hours", options.certificate_file,
                std::chrono::duration_cast<std::chrono::hours>(left).count());
  }
}

std::vector<event_loop*> loops_of(runtime& on) {
  std::vector<event_loop*> loops;
  for (std::size_t i = 0; i < on.loops(); ++i) loops.push_back(&on.loop(i));
  return loops;
}

/// The address as it was asked for, where `endpoint::url` shows one that can be called.
std::string place_of(const endpoint& asked) {
  const auto scheme = std::string(asked.secure ? "https://" : "http://");
  if (asked.host.starts_with("unix:")) return scheme + asked.host;
  return scheme + (asked.host.find(':') == std::string::npos ? asked.host : "[" + asked.host + "]") + ":" + std::to_string(asked.port);
}

/// `0660`; nothing for what is none.
std::optional<unsigned> parse_mode(std::string_view text) {
  unsigned mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (text.empty() || text.size() > 4 || error != std::errc{} || end != text.data() + text.size() || mode > 0777) return std::nullopt;
  return mode;
}

/// Descriptors are needed for files, databases and other services, too.
void fit_into_descriptors(server_options& options) {
  ::rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  const auto all = static_cast<std::size_t>(limit.rlim_cur);
  const auto fit = std::max<std::size_t>(all - std::min<std::size_t>(256, all / 2), 1);
  if (options.max_connections <= fit) return;
  log.warning("server:maxConnections is {fit} instead of {asked}: this process may open {limit} descriptors (ulimit -n)", fit,
              options.max_connections, all);
  options.max_connections = fit;
}

/// Collects what is wrong with the options of a server that no configuration was bound to.
class complaints final : public violations {
 public:
  void add(std::string_view member, std::string code, std::string message) override {
    found.push_back({.path = "server." + std::string(member), .code = std::move(code), .message = std::move(message)});
  }
  std::vector<violation> found;
};

/// Refuses what lies outside a range.
class range_check {
 public:
  explicit range_check(violations& found) : found_(found) {}

  void count(std::string_view member, std::size_t value, std::size_t least, std::size_t most) const {
    if (value < least || value > most) refuse(member, std::to_string(least) + " to " + std::to_string(most), std::to_string(value));
  }
  void time(std::string_view member, std::chrono::milliseconds value, std::chrono::milliseconds least) const {
    if (value >= least && value <= longest) return;
    refuse(member, std::string(least.count() == 0 ? "0 (none) or up to" : "more than 0 and at most") + " 365 days",
           std::to_string(value.count()) + " ms");
  }

 private:
  static constexpr std::chrono::milliseconds longest = std::chrono::days(365);
  void refuse(std::string_view member, const std::string& range, const std::string& got) const {
    found_.add(member, "out_of_range", "expected " + range + ", got " + got);
  }
  violations& found_;
};

}  // namespace

struct http_server::state {
  state(const std::vector<event_loop*>& on, const server_options& options, handler& answers) : shared{options, answers} {
    shared.trusted = detail::trusted_callers(options.trust_tenant_from);  // `start` refuses what is none
    for (auto* each : on) workers.push_back(std::make_unique<detail::worker>(*each, shared));
    for (const auto& each : workers) shared.workers.push_back(each.get());
  }

  event_loop& accepting_loop() { return workers.front()->loop(); }

  void accept(socket_handle socket, const tls_context* tls) {
    auto& chosen = *workers[next++ % workers.size()];
    if (&chosen.loop() == event_loop::current()) return chosen.adopt(std::move(socket), tls);
    chosen.loop().post([&chosen, descriptor = socket.get(), tls] { chosen.adopt(socket_handle(descriptor), tls); });
    socket.release();  // not before: without memory for the callback it is still ours
  }

  /// Descriptors have run out: the longest idle connections of each loop give way. True when one of this loop has.
  bool make_room() {
    for (std::size_t i = 1; i < workers.size(); ++i) {
      workers[i]->loop().post([each = workers[i].get()] { each->make_room(); });
    }
    return workers.front()->make_room();
  }

  /// Without a descriptor for it beyond this call.
  void refuse(const socket_handle& socket, const tls_context* tls) {
    if (tls != nullptr) return;  // its handshake would take too long
    const auto text = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\nRetry-After: " +
                      std::to_string(shared.options.retry_after.count()) + "\r\n\r\n";
    if (::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return;
    ::shutdown(socket.get(), SHUT_WR);
  }

  /// Asks every worker to tell when it has no connection left; the permits come as they do.
  std::shared_ptr<semaphore> watch_for_emptiness() {
    auto empty = std::make_shared<semaphore>(0);
    for (auto& each : workers) {
      run_on_loop(each->loop(), [&each, empty] { each->when_empty([empty] { empty->release(); }); });
    }
    return empty;
  }

  const tls_context& secured_by(const tls_options& options, const endpoint& where) {
    if (options.certificate_file.empty())
      throw std::invalid_argument("cannot listen on " + where.url() + ": set server:tls:certificateFile");
    if (options.verify != tls_verify::none && options.ca_file.empty()) {
      throw std::invalid_argument(
          "cannot listen on " + where.url() +
          ": server:tls:verify asks clients for certificates; set server:tls:caFile to the authorities they come from");
    }
    contexts.push_back(tls_context::for_servers(options));
    tell_of_tls(options, contexts.back());
    return contexts.back();
  }

  detail::server_shared shared;
  std::map<std::size_t, tls_options> own_tls;        ///< by position among the urls
  std::deque<tls_context> contexts;                  ///< stay where they are: connections point to them
  std::map<std::size_t, const tls_context*> tls_of;  ///< of the https urls, by position
  std::vector<std::unique_ptr<detail::worker>> workers;
  std::vector<std::unique_ptr<tcp_listener>> listeners;
  std::vector<endpoint> addresses;
  std::size_t next = 0;
  bool closed = false;
};

void server_options::check(const server_options& options, violations& found) {
  constexpr auto some = std::chrono::milliseconds(1);
  constexpr auto none = std::chrono::milliseconds(0);
  const range_check range(found);
  range.count("maxConnections", options.max_connections, 1, 10'000'000);
  range.count("maxInFlight", options.max_in_flight, 1, 10'000'000);
  range.count("maxRequestLine", options.max_request_line, 32, 64 << 10);
  range.count("maxHeaderBytes", options.max_header_bytes, 64, 16 << 20);
  range.count("maxHeaders", options.max_headers, 1, 10'000);
  range.count("maxBodyBytes", options.max_body_bytes, 0, std::size_t{1} << 40);
  range.count("maxBufferedBytes", options.max_buffered_bytes, 64 << 10, std::size_t{1} << 50);
  range.count("minReceiveRate", options.min_receive_rate, 0, 1 << 30);
  range.count("minSendRate", options.min_send_rate, 0, 1 << 30);
  range.time("headerTimeout", options.header_timeout, some);
  range.time("bodyTimeout", options.body_timeout, some);
  range.time("idleTimeout", options.idle_timeout, some);
  range.time("writeTimeout", options.write_timeout, some);
  range.time("rateGrace", options.rate_grace, some);
  range.time("requestTimeout", options.request_timeout, none);
  range.time("retryAfter", options.retry_after, none);
  if (auto wrong = http::complaint_of_header_name(options.correlation_context_header); !wrong.empty())
    found.add("correlationContextHeader", "not_a_header", std::move(wrong));
  for (const auto& each : options.trust_tenant_from) {
    if (auto wrong = detail::trusted_callers::complaint_of(each); !wrong.empty())
      found.add("trustTenantFrom", "not_an_address", std::move(wrong));
  }
  if (!options.socket_mode.empty() && !parse_mode(options.socket_mode)) {
    found.add("socketMode", "not_a_mode",
              "expected permissions in octal, 0000 to 0777, such as 0660, or nothing, got \"" + options.socket_mode + '"');
  }
  if (options.max_buffered_bytes < options.max_body_bytes) {
    found.add("maxBufferedBytes", "out_of_range",
              "expected at least maxBodyBytes (" + std::to_string(options.max_body_bytes) + "), or no body of that size could ever come");
  }
}

http_server::http_server(runtime& on, const server_options& options, handler& answers) : http_server(loops_of(on), options, answers) {}

http_server::http_server(const std::vector<event_loop*>& on, const server_options& options, handler& answers)
    : state_(std::make_shared<state>(on, options, answers)) {}

http_server::~http_server() { close(); }

void http_server::belongs_to(std::string application) { state_->shared.service = std::move(application); }

void http_server::use_tls(std::size_t url, tls_options options) { state_->own_tls[url] = std::move(options); }

void http_server::start() {
  complaints wrong;
  server_options::check(state_->shared.options, wrong);
  if (!wrong.found.empty()) throw validation_error(std::move(wrong.found), "invalid_server_options");
  fit_into_descriptors(state_->shared.options);
  std::vector<endpoint> wanted;
  for (const auto& each : state_->shared.options.urls) wanted.push_back(endpoint::parse(each));
  const tls_context* common = nullptr;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!wanted[i].secure) continue;
    const auto own = state_->own_tls.find(i);
    if (own != state_->own_tls.end())
      state_->tls_of[i] = &state_->secured_by(own->second, wanted[i]);
    else
      state_->tls_of[i] = common = common ? common : &state_->secured_by(state_->shared.options.tls, wanted[i]);
  }
  for (auto& each : wanted) {
    try {
      state_->listeners.push_back(std::make_unique<tcp_listener>(
          each.host, each.port, tcp_listener::options{.socket_mode = parse_mode(state_->shared.options.socket_mode)}));
    } catch (const std::system_error& error) {
      state_->listeners.clear();
      throw unavailable("cannot_listen", "cannot listen on {}: {}", place_of(each), error.what());
    }
    each.port = state_->listeners.back()->port();
  }
  state_->addresses = std::move(wanted);
  run_on_loop(state_->accepting_loop(), [this] {
    for (std::size_t i = 0; i < state_->listeners.size(); ++i) {
      const auto found = state_->tls_of.find(i);
      const auto* tls = found == state_->tls_of.end() ? nullptr : found->second;
      state_->listeners[i]->when_full([state = state_.get()] { return state->make_room(); },
                                      [state = state_.get(), tls](const socket_handle& socket) { state->refuse(socket, tls); });
      state_->listeners[i]->start([state = state_.get(), tls](socket_handle socket) { state->accept(std::move(socket), tls); });
    }
  });
  for (const auto& each : state_->addresses) log.info("listening on {url}", each.url());
}

std::vector<endpoint> http_server::addresses() const { return state_->addresses; }

void http_server::stop_accepting() {
  state_->shared.draining = true;
  run_on_loop(state_->accepting_loop(), [this] {
    for (auto& each : state_->listeners) each->turn_away();
  });
  {
    const masked_section mask;
    if (!state_->listeners.empty()) sleep_for(handshakes_under_way);
  }
  run_on_loop(state_->accepting_loop(), [this] {
    for (auto& each : state_->listeners) each->close();
    state_->listeners.clear();
  });
  // Behind the posts that hand the last sockets over: from here on every connection has its worker.
  for (auto& each : state_->workers) run_on_loop(each->loop(), [] {});
}

bool http_server::drain(steady_time deadline) {
  const auto empty = state_->watch_for_emptiness();
  std::size_t ended = 0;
  while (ended < state_->workers.size() && empty->try_acquire_until(deadline)) ++ended;
  if (ended == state_->workers.size()) return true;
  for (auto& each : state_->workers) run_on_loop(each->loop(), [&each] { each->retire_idle(); });
  return state_->shared.in_flight == 0 && state_->shared.answers_waiting == 0;
}

void http_server::close() {
  if (std::exchange(state_->closed, true)) return;
  stop_accepting();
  const masked_section mask;
  for (auto& each : state_->workers) run_on_loop(each->loop(), [&each] { each->abandon_all(); });
  const auto empty = state_->watch_for_emptiness();
  for (std::size_t i = 0; i < state_->workers.size(); ++i) empty->acquire();
  for (auto& each : state_->workers) run_on_loop(each->loop(), [] {});  // behind what workers have posted to each other
}

server_statistics http_server::read_statistics() const noexcept {
  server_statistics sum{.connections_open = state_->shared.connections,
                        .in_flight = state_->shared.in_flight,
                        .answers_waiting = state_->shared.answers_waiting,
                        .buffered_bytes = state_->shared.buffered};
  for (const auto& each : state_->workers) {
    const auto& counts = each->counts();
    sum.connections_accepted += counts.accepted;
    sum.requests += counts.requests;
    sum.refused += counts.refused;
    sum.shed += counts.shed;
    sum.timed_out += counts.timed_out;
  }
  return sum;
}

std::optional<std::chrono::sys_seconds> http_server::certificate_expires() const {
  std::optional<std::chrono::sys_seconds> first;
  for (const auto& each : state_->contexts) {
    if (const auto ends = each.certificate_expires(); ends && (!first || *ends < *first)) first = ends;
  }
  return first;
}

}  // namespace mamey::inline v1::web
