#include <mamey/http/client.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <utility>

#include <mamey/core/text.hpp>
#include <mamey/http/detail/client_attempt.hpp>
#include <mamey/http/detail/connection_pool.hpp>
#include <mamey/http/headers.hpp>
#include <mamey/http/on_loop.hpp>
#include <mamey/http/resilience.hpp>
#include <mamey/http/url.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/active_span.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/random.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/wait_watch.hpp>

namespace mamey::inline v1::http {
namespace {

const logger log{"mamey.http"};

url_parts parse_or_refuse(std::string_view text) {
  auto parsed = url_parts::parse(text);
  if (!parsed) throw std::invalid_argument("not an address to call: \"" + without_user_information(text) + "\"");
  return *std::move(parsed);
}

/// In words, what TLS ended with; nothing for other failures.
std::optional<std::string> fault_of_tls(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const tls_error& error) {
    return error.what();
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

/// An error body of ours, or of a service of .NET Mamey (Convey).
struct told_problem {
  std::string code, reason, message;
};

constexpr std::size_t most_origins = 10'000;  ///< addresses that something is remembered of

bool names_a_service(const url_parts& address) {
  const bool no_port = address.port == (address.scheme == "https" ? 443 : 80);
  return no_port && address.host.find_first_of(".:") == std::string::npos && !equal_ignoring_case(address.host, "localhost");
}

std::string authority_of(const url_parts& to) {
  return to.scheme == "https" ? "https://" + to.authority() : to.authority();
}  // host:443 may be either

/// Where a try goes.
struct destination {
  url_parts to;
  std::string authority;
  std::string asked = {};  ///< the name that a resolver resolved; empty: the address was called as it is
};

}  // namespace

/// How the calls of a service are made. The one without a name is for calls by address.
struct detail::service_profile {
  std::string name;
  client_options options;  ///< `services` is empty
};

namespace {

using detail::service_profile;

service_profile profile_of(const std::string& name, const service_settings& own, const client_options& general) {
  service_profile made{.name = name, .options = general};
  const auto take = [](auto& setting, const auto& instead) { setting = instead.value_or(setting); };
  take(made.options.connect_timeout, own.connect_timeout);
  take(made.options.try_timeout, own.try_timeout);
  take(made.options.timeout, own.timeout);
  take(made.options.retries, own.retries);
  take(made.options.retry_delay, own.retry_delay);
  take(made.options.retry_longest_delay, own.retry_longest_delay);
  take(made.options.max_response_bytes, own.max_response_bytes);
  take(made.options.breaker_failures, own.breaker_failures);
  take(made.options.breaker_open, own.breaker_open);
  return made;
}

/// What a breaker belongs to: services at one address (behind a gateway, say) fail each for itself.
std::string breaker_of(const destination& where, const service_profile& by) {
  const auto& service = by.name.empty() ? where.asked : by.name;
  return service.empty() ? where.authority : service + " at " + where.authority;
}

}  // namespace

void client_options::check(const client_options& options, violations& found) {
  const auto check_name = [&](std::string_view member, std::string_view name) {
    if (auto wrong = complaint_of_header_name(name); !wrong.empty()) found.add(member, "not_a_header", std::move(wrong));
  };
  check_name("correlationContextHeader", options.correlation_context_header);
  check_name("correlationIdHeader", options.correlation_id_header);
}

struct client::state {
  state(runtime& on, client_options given) : runs_on(on) {
    const auto services = std::exchange(given.services, {});
    general.options = std::move(given);
    for (const auto& [name, own] : services) {
      profiles.emplace(name, profile_of(name, own, options));
      if (!own.url.empty()) addresses.emplace(name, own.url);
    }
    for (std::size_t i = 0; i < on.loops(); ++i) add_pool(on.loop(i));
    add_pool(on.system_loop());
    if (!options.tls.ca_file.empty() || !options.tls.certificate_file.empty())
      tls_context_of_all();  // errors in the files are reported now
  }
  ~state() {
    for (auto& each : pools) detail::run_on_loop(*each.loop, [&each] { each.pool->clear(); });
  }

  std::vector<std::string> awaited;  ///< by name; under the lock

  void add_pool(event_loop& loop) { pools.push_back({&loop, std::make_unique<detail::connection_pool>(options)}); }
  detail::connection_pool* current_pool() noexcept {
    for (auto& each : pools) {
      if (each.loop == event_loop::current()) return each.pool.get();
    }
    return nullptr;
  }

  /// What is known of a service or an address, by all loops.
  struct origin {
    explicit origin(const client_options& options) : breaker({.failures = options.breaker_failures, .open_for = options.breaker_open}) {}
    circuit_breaker breaker;
    retry_budget budget;
    answer_times times;
  };
  origin& at(const std::string& key, const client_options& with) {  // under the lock
    const auto found = origins.find(key);
    if (found != origins.end()) return found->second;
    if (origins.size() >= most_origins) origins.erase(origins.begin());  // it is a stranger again when it is called
    return origins.emplace(key, with).first->second;
  }

  bool allow(const std::string& key, const client_options& with) {
    const std::lock_guard lock(guard);
    if (at(key, with).breaker.allow(steady_now())) return true;
    ++refused;
    return false;
  }
  void record(const std::string& key, const client_options& with, const attempt_outcome& outcome) {
    using kind = attempt_outcome::kind;
    const std::lock_guard lock(guard);
    auto& service = at(key, with);
    if (outcome.callers_time_over && !service.times.is_overdue(outcome.waited))
      return service.breaker.abandoned();  // the caller was in a hurry
    if (outcome.how == kind::answered) service.times.answered(outcome.waited);
    const bool failed = outcome.how != kind::answered ? outcome.how != kind::stale : outcome.status >= 500;
    failed ? service.breaker.failed(steady_now()) : service.breaker.succeeded();
  }
  void abandon(const std::string& key, const client_options& with) {
    const std::lock_guard lock(guard);
    at(key, with).breaker.abandoned();
  }
  void earn(const std::string& key, const client_options& with) {
    const std::lock_guard lock(guard);
    at(key, with).budget.earn();
  }
  bool spend(const std::string& key, const client_options& with) {
    const std::lock_guard lock(guard);
    return at(key, with).budget.spend();
  }

  /// Made at the first https call, as reading the system's authorities takes its time.
  const tls_context& tls_context_of_all() {
    const std::lock_guard lock(guard);
    if (!tls) tls = tls_context::for_clients(options.tls);
    return *tls;
  }

  client_response send(const client_request& what, const service_profile& by);
  bool exchange(client_request what, const call_options& how, const detail::json_bodies& bodies, bool absent_is_nothing,
                const service_profile& by);
  destination resolve(const url_parts& address);
  detail::attempt_result attempt(const detail::attempt& what, const destination& where, const service_profile& by);
  detail::attempt_result try_in_span(const client_request& what, const destination& where, const service_profile& by);
  std::string shown(std::string_view target) const;
  std::string called(const destination& where, const service_profile& by);
  void log_try(const client_request& what, const destination& where, int number, const detail::attempt_result& result);

  service_profile general;
  const client_options& options = general.options;
  std::map<std::string, service_profile> profiles;  ///< by name as spelled; entries never change, new ones come under the lock
  std::map<std::string, std::string> addresses;     ///< of services by name; under the lock
  std::string resolver_name;
  address_resolver resolver;  ///< empty: names are hosts
  std::optional<tls_context> tls;
  runtime& runs_on;
  struct loop_pool {
    event_loop* loop;
    std::unique_ptr<detail::connection_pool> pool;
  };
  std::vector<loop_pool> pools;
  std::mutex guard;  ///< of profiles, addresses and origins; never held across a suspension
  std::map<std::string, origin> origins;
  std::atomic<std::uint64_t> requests{0}, tries{0}, opened{0}, reused{0}, stale{0}, refused{0};
};

/// Asks the resolver, where there is one and the address names a service.
destination client::state::resolve(const url_parts& address) {
  if (!resolver || !names_a_service(address)) return {.to = address, .authority = authority_of(address)};
  std::string found;
  try {
    found = resolver(address.host);
  } catch (const cancelled&) {
    throw;
  } catch (const deadline_exceeded&) {
    throw;
  } catch (...) {
    throw unavailable("no_address", "the service {} has no address: {} failed to resolve it: {}", address.host, resolver_name,
                      describe_current_exception().detail);
  }
  if (found.empty()) throw unavailable("no_address", "the service {} has no address: {} knows none", address.host, resolver_name);
  if (found.find("://") == std::string::npos) found.insert(0, address.scheme + "://");
  auto to = url_parts::parse(found);
  if (!to)
    throw unavailable("no_address", "the service {} has no address: expected one such as http://10.0.0.7:5003 from {}, got \"{}\"",
                      address.host, resolver_name, found);
  to->target.resize(to->target.find_last_not_of('/', to->target.find('?') - 1) + 1);
  to->target += address.target;
  auto authority = authority_of(*to);
  return {.to = *std::move(to), .authority = std::move(authority), .asked = address.host};
}

detail::attempt_result client::state::attempt(const detail::attempt& what, const destination& where, const service_profile& by) {
  const auto breaker = breaker_of(where, by);
  if (!allow(breaker, by.options)) {
    unavailable refusal("circuit_open", "{} has failed too often lately", called(where, by));
    if (where.asked.empty()) throw refusal;
    // Another instance may be well.
    return {.outcome = {.how = attempt_outcome::kind::not_sent}, .response = {}, .failure = std::make_exception_ptr(std::move(refusal))};
  }
  ++tries;
  try {
    auto result = detail::try_once(what, current_pool());
    record(breaker, by.options, result.outcome);
    if (result.outcome.how == attempt_outcome::kind::stale) ++stale;
    if (result.over == detail::attempt_result::connection::opened) ++opened;
    if (result.over == detail::attempt_result::connection::reused) ++reused;
    return result;
  } catch (...) {  // cancelled: that says nothing about the service
    abandon(breaker, by.options);
    throw;
  }
}

/// A try with a span of its own, whose id the other side gets.
detail::attempt_result client::state::try_in_span(const client_request& what, const destination& where, const service_profile& by) {
  const auto* const trust = where.to.scheme == "https" ? &tls_context_of_all() : nullptr;
  tracing::active_span span(name_of(what.method), tracing::span_kind::client);
  span->set("server.address", where.authority);
  const auto bytes = detail::compose_request(what, where.to, options);  // anew each time: what is left of the deadline shrinks
  // A certificate is accepted for one name, so a connection to an address that a resolver knows serves the calls of that name only.
  const auto connections = trust && !where.asked.empty() ? where.asked + " at " + where.authority : where.authority;
  const auto& peer = where.asked.empty() ? where.to.host : where.asked;
  auto result = attempt({.options = by.options,
                         .try_timeout = what.try_timeout.value_or(by.options.try_timeout),
                         .to = where.to,
                         .peer = peer,
                         .origin = connections,
                         .tls = trust,
                         .method = what.method,
                         .bytes = bytes},
                        where, by);
  if (result.failure)
    span->fail("no answer");
  else
    span->set("http.response.status_code", result.outcome.status);
  return result;
}

std::string client::state::shown(std::string_view target) const {
  std::string text(target.substr(0, target.find('?')));
  if (!options.request_masking.enabled) return text;
  for (const auto& part : options.request_masking.url_parts) {
    for (auto at = part.empty() ? std::string::npos : text.find(part); at != std::string::npos;
         at = text.find(part, at + options.request_masking.mask_template.size())) {
      text.replace(at, part.size(), options.request_masking.mask_template);
    }
  }
  return text;
}

/// `pricing`, where a service has that address: clients of ours hear no address of others.
std::string client::state::called(const destination& where, const service_profile& by) {
  if (!by.name.empty()) return by.name;
  if (!where.asked.empty()) return where.asked;
  const std::lock_guard lock(guard);
  for (const auto& [name, address] : addresses) {
    const auto parts = url_parts::parse(address);
    if (parts && authority_of(*parts) == where.authority) return name;
  }
  return where.authority;
}

void client::state::log_try(const client_request& what, const destination& where, int number, const detail::attempt_result& result) {
  if (!log.enabled(log_level::debug)) return;
  const auto& [to, authority, asked] = where;
  if (result.failure)
    log.debug("{http_method} {authority}{path}: try {try} got no answer: {error}", name_of(what.method), authority, shown(to.target),
              number, describe(result.failure).detail);
  else
    log.debug("{http_method} {authority}{path}: try {try} answered {status}", name_of(what.method), authority, shown(to.target), number,
              result.outcome.status);
}

client::client(runtime& on, client_options options) : state_(std::make_unique<state>(on, std::move(options))) {}
client::~client() = default;

client_response client::get(std::string_view url) const { return send({.url = std::string(url)}); }

client_response client::send(const client_request& what) const { return state_->send(what, state_->general); }

client_response client::state::send(const client_request& what, const service_profile& by) {
  const auto& settings = by.options;
  const auto address = parse_or_refuse(what.url);
  const auto budget = by.name.empty() ? authority_of(address) : "service " + by.name;
  check_context();                            // too late already: nobody is to blame but the caller
  std::optional<tracing::active_span> begun;  // one trace for all tries, where none is at hand
  if (!current_context().trace.valid()) begun.emplace("call " + budget, tracing::span_kind::internal);
  report_wait("an HTTP call of ", budget);
  const watched_waits unseen(nullptr);  // its parts
  const auto begin = steady_now();
  const deadline_scope total(what.timeout.value_or(settings.timeout));
  const retry_options retrying{.retries = what.retries.value_or(settings.retries),
                               .first_delay = settings.retry_delay,
                               .longest_delay = settings.retry_longest_delay};
  ++requests;
  earn(budget, settings);
  for (int number = 1;; ++number) {
    const auto where = resolve(address);
    auto result = try_in_span(what, where, by);
    log_try(what, where, number, result);
    const auto delay = next_try(retrying, what.method, number, result.outcome, random_share());
    const auto& deadline = current_context().deadline;
    const bool again = delay && (!deadline || steady_now() + *delay < *deadline) && spend(budget, settings);
    if (again) {
      if (delay->count() > 0) sleep_for(*delay);
      continue;
    }
    if (!result.failure) {
      result.response.tries = number;
      return std::move(result.response);
    }
    const auto reason = describe(result.failure);
    const auto service = called(where, by);
    const bool in_time = !result.outcome.callers_time_over && result.outcome.how != attempt_outcome::kind::timed_out;
    log.warning("{service}: {http_method} {authority}{path} failed after {tries} tries and {milliseconds} ms: {error}", service,
                name_of(what.method), where.authority, shown(where.to.target), number,
                std::chrono::duration_cast<std::chrono::milliseconds>(steady_now() - begin).count(),
                in_time                            ? reason.detail
                : result.outcome.callers_time_over ? "no answer before the call's deadline"
                                                   : "no answer within tryTimeout");
    if (!in_time) throw deadline_exceeded("no_answer_in_time", "{} did not answer in time", service);
    if (const auto fault = fault_of_tls(result.failure)) throw unavailable("tls_failed", "{} cannot be called: {}", service, *fault);
    if (reason.code == "circuit_open") std::rethrow_exception(result.failure);
    const bool is_not_found = !options.type.empty() && !resolver && result.outcome.how == attempt_outcome::kind::not_sent;
    throw unavailable(
        result.outcome.how == attempt_outcome::kind::not_sent ? "no_connection" : "connection_broken", "{} cannot be reached{}", service,
        is_not_found ? ": httpClient:type is " + options.type + ", which is not there yet, so the name was looked up in DNS" : "");
  }
}

bool client::state::exchange(client_request what, const call_options& how, const detail::json_bodies& bodies, bool absent_is_nothing,
                             const service_profile& by) {
  what.headers = how.headers;
  const bool accepts = std::ranges::any_of(what.headers, [](const auto& each) { return equal_ignoring_case(each.first, "accept"); });
  if (!accepts) what.headers.emplace_back("Accept", "application/json");
  what.timeout = how.timeout;
  what.try_timeout = how.try_timeout;
  what.retries = how.retries;
  if (bodies.sent_model) {
    json::write(what.body, *bodies.sent_model, bodies.sent);
    what.content_type = "application/json";
  }
  const auto answer = send(what, by);
  if (answer.status == 404 && absent_is_nothing) return false;
  const auto target = std::string_view(what.url).substr(0, what.url.find('?'));
  throw_unless_ok(answer, target);
  if (!bodies.received_model) return true;
  const auto violations = json::read(answer.body, *bodies.received_model, bodies.received);
  if (!violations.empty()) {
    const auto& first = violations.front();
    throw internal_error("malformed_answer", "{} answered what cannot be read: {} {}", target, first.path, first.message);
  }
  return true;
}

bool client::exchange(http_method method, std::string_view url, const call_options& how, const detail::json_bodies& bodies,
                      absent when_absent) const {
  return state_->exchange({.method = method, .url = std::string(url)}, how, bodies, when_absent == absent::is_nothing, state_->general);
}

void client::set_service(std::string_view name, std::string_view address) {
  const std::lock_guard lock(state_->guard);
  const auto known = std::ranges::find_if(state_->profiles, [&](const auto& each) { return equal_ignoring_case(each.first, name); });
  const auto spelled = known == state_->profiles.end() ? std::string(name) : known->first;
  if (known == state_->profiles.end()) state_->profiles.emplace(spelled, profile_of(spelled, {}, state_->options));
  state_->addresses.insert_or_assign(spelled, std::string(address));
}

void client::set_resolver(std::string name, address_resolver resolver) {
  state_->resolver_name = std::move(name);
  state_->resolver = std::move(resolver);
}

void client::await_service(std::string_view name) {
  const std::lock_guard lock(state_->guard);
  state_->awaited.emplace_back(name);
}

service_client client::service(std::string_view name) const {
  const std::lock_guard lock(state_->guard);
  const auto known = std::ranges::find_if(state_->profiles, [&](const auto& each) { return equal_ignoring_case(each.first, name); });
  const auto& profile = known == state_->profiles.end() ? state_->general : known->second;
  if (const auto found = state_->addresses.find(profile.name); found != state_->addresses.end()) {
    auto base = found->second;
    while (base.ends_with('/')) base.pop_back();
    return {*this, std::move(base), profile};
  }
  if (state_->resolver) return {*this, "http://" + std::string(name), profile};
  if (std::ranges::any_of(state_->awaited, [&](const auto& each) { return equal_ignoring_case(each, name); })) {
    throw unavailable("unknown_service",
                      "the service {} is an application of this process that does not listen yet: call service(\"{}\") where it is asked, "
                      "not in a constructor or an initializer",
                      name, name);
  }
  throw unavailable("unknown_service", "the service {} has no address: set httpClient:services:{}", name, name);
}

client::statistics client::read_statistics() const noexcept {
  return {.requests = state_->requests,
          .tries = state_->tries,
          .connections_opened = state_->opened,
          .connections_reused = state_->reused,
          .stale = state_->stale,
          .refused_by_breaker = state_->refused};
}

client_response service_client::send(client_request what) const {
  what.url.insert(0, address_);
  return client_->state_->send(what, *profile_);
}

client_response service_client::get(std::string_view path) const { return send({.url = std::string(path)}); }

bool service_client::exchange(http_method method, std::string_view path, const call_options& how, const detail::json_bodies& bodies,
                              absent when_absent) const {
  return client_->state_->exchange({.method = method, .url = address_ + std::string(path)}, how, bodies, when_absent == absent::is_nothing,
                                   *profile_);
}

std::optional<std::string_view> client_response::header(std::string_view name) const noexcept {
  for (const auto& [each, value] : headers) {
    if (equal_ignoring_case(each, name)) return value;
  }
  return std::nullopt;
}

void throw_unless_ok(const client_response& answer, std::string_view what) {
  if (answer.ok()) return;
  told_problem told;
  if (!json::read(answer.body, model_of<told_problem>(), &told, {.nulls = json::nulls::keep_value}).empty()) told = {};
  const auto code = told.code.empty() ? "http_" + std::to_string(answer.status) : told.code;
  const auto& text = told.reason.empty() ? told.message : told.reason;
  const auto reason = text.empty() ? "answered " + std::to_string(answer.status) : text;
  switch (answer.status) {
    case 429:
    case 502:
    case 503:
      throw unavailable(code, "{}: {}", what, reason);
    case 504:
      throw deadline_exceeded(code, "{}: {}", what, reason);
    default:
      throw bad_answer(answer.status, told.code.empty() ? "unexpected_answer" : told.code,
                       std::string(what) + " answered " + std::to_string(answer.status) + " " + code + ": " + reason);
  }
}

}  // namespace mamey::inline v1::http
