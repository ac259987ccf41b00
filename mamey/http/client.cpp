#include <mamey/http/client.hpp>

#include <atomic>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <utility>

#include <mamey/core/text.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/http/detail/client_attempt.hpp>
#include <mamey/http/detail/connection_pool.hpp>
#include <mamey/http/on_loop.hpp>
#include <mamey/http/resilience.hpp>
#include <mamey/http/url.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/active_span.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>

namespace mamey::inline v1::http {
namespace {

const logger log{"mamey.http"};

double random_share() {
  const auto bytes = uuid::v4().bytes;
  return static_cast<double>(bytes[0] << 8 | bytes[1]) / 65536.0;
}

url_parts parse_or_refuse(std::string_view text) {
  auto parsed = url_parts::parse(text);
  if (!parsed) throw std::invalid_argument("not an address to call: \"" + std::string(text) + "\"");
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

/// An error body of ours, or of the reference's services.
struct told_problem {
  std::string code, reason, message;
};

}  // namespace

struct client::state {
  state(runtime& on, client_options given) : options(std::move(given)), runs_on(on) {
    for (std::size_t i = 0; i < on.loops(); ++i) add_pool(on.loop(i));
    add_pool(on.system_loop());
    if (!options.tls.ca_file.empty() || !options.tls.certificate_file.empty()) tls_context_of_all();  // what is wrong with the files, is told now
  }
  ~state() {
    for (auto& each : pools) detail::run_on_loop(*each.loop, [&each] { each.pool->clear(); });
  }

  void add_pool(event_loop& loop) { pools.push_back({&loop, std::make_unique<detail::connection_pool>(options)}); }
  detail::connection_pool* current_pool() noexcept {
    for (auto& each : pools) {
      if (each.loop == event_loop::current()) return each.pool.get();
    }
    return nullptr;
  }

  /// What is known of an address, by all loops.
  struct origin {
    explicit origin(const client_options& options) : breaker({.failures = options.breaker_failures, .open_for = options.breaker_open}) {}
    circuit_breaker breaker;
    retry_budget budget;
  };
  origin& at(const std::string& authority) {  // under the lock
    const auto found = origins.find(authority);
    return found != origins.end() ? found->second : origins.emplace(authority, options).first->second;
  }

  bool allow(const std::string& authority) {
    const std::lock_guard lock(guard);
    if (at(authority).breaker.allow(steady_now())) return true;
    ++refused;
    return false;
  }
  void record(const std::string& authority, const attempt_outcome& outcome) {
    const std::lock_guard lock(guard);
    auto& breaker = at(authority).breaker;
    const bool failed =
        outcome.how != attempt_outcome::kind::answered ? outcome.how != attempt_outcome::kind::stale : outcome.status >= 500;
    failed ? breaker.failed(steady_now()) : breaker.succeeded();
  }
  void abandon(const std::string& authority) {
    const std::lock_guard lock(guard);
    at(authority).breaker.abandoned();
  }
  void earn(const std::string& authority) {
    const std::lock_guard lock(guard);
    at(authority).budget.earn();
  }
  bool spend(const std::string& authority) {
    const std::lock_guard lock(guard);
    return at(authority).budget.spend();
  }

  /// Made at the first https call, as reading the system's authorities takes its time.
  const tls_context& tls_context_of_all() {
    const std::lock_guard lock(guard);
    if (!tls) tls = tls_context::for_clients(options.tls);
    return *tls;
  }

  detail::attempt_result attempt(const detail::attempt& what, const std::string& authority);
  detail::attempt_result try_in_span(const client_request& what, const url_parts& to, const std::string& authority, const tls_context* trust);
  std::string shown(std::string_view target) const;

  client_options options;
  std::optional<tls_context> tls;
  runtime& runs_on;
  struct loop_pool {
    event_loop* loop;
    std::unique_ptr<detail::connection_pool> pool;
  };
  std::vector<loop_pool> pools;
  std::mutex guard;  ///< of services and origins; never held across a suspension
  std::map<std::string, origin> origins;
  std::atomic<std::uint64_t> requests{0}, tries{0}, opened{0}, reused{0}, stale{0}, refused{0};
};

detail::attempt_result client::state::attempt(const detail::attempt& what, const std::string& authority) {
  if (!allow(authority)) throw unavailable("circuit_open", "{} has failed too often lately", authority);
  ++tries;
  try {
    auto result = detail::try_once(what, current_pool());
    record(authority, result.outcome);
    if (result.outcome.how == attempt_outcome::kind::stale) ++stale;
    if (result.over == detail::attempt_result::connection::opened) ++opened;
    if (result.over == detail::attempt_result::connection::reused) ++reused;
    return result;
  } catch (...) {  // the caller's own end says nothing about the service
    abandon(authority);
    throw;
  }
}

/// A try with a span of its own, whose id the other side gets.
detail::attempt_result client::state::try_in_span(const client_request& what, const url_parts& to, const std::string& authority,
                                                   const tls_context* trust) {
  tracing::active_span span(name_of(what.method), tracing::span_kind::client);
  span->set("server.address", authority);
  const auto bytes = detail::compose_request(what, to, options);  // anew each time: what is left of the deadline shrinks
  auto result = attempt({.options = options, .to = to, .origin = authority, .tls = trust, .method = what.method, .bytes = bytes}, authority);
  span->set("http.response.status_code", result.outcome.status);
  if (result.failure) span->fail("no answer");
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

client::client(runtime& on, client_options options) : state_(std::make_unique<state>(on, std::move(options))) {}
client::~client() = default;

client_response client::get(std::string_view url) { return send({.url = std::string(url)}); }

client_response client::send(const client_request& what) {
  auto& shared = *state_;
  const auto& options = shared.options;
  const auto to = parse_or_refuse(what.url);
  const bool secure = to.scheme == "https";
  const auto authority = secure ? "https://" + to.authority() : to.authority();  // host:443 may be either
  const auto* tls = secure ? &shared.tls_context_of_all() : nullptr;
  const deadline_scope total(what.timeout.value_or(options.timeout));
  const retry_options retrying{
      .retries = what.retries.value_or(options.retries), .first_delay = options.retry_delay, .longest_delay = options.retry_longest_delay};
  ++shared.requests;
  shared.earn(authority);
  for (int tries = 1;; ++tries) {
    auto result = shared.try_in_span(what, to, authority, tls);
    log.debug("{http_method} {authority}{path}: try {try} answered {status}", name_of(what.method), authority, shared.shown(to.target),
              tries, result.outcome.status);
    const auto delay = next_try(retrying, what.method, tries, result.outcome, random_share());
    const auto& deadline = current_context().deadline;
    const bool again = delay && (!deadline || steady_now() + *delay < *deadline) && shared.spend(authority);
    if (again) {
      if (delay->count() > 0) sleep_for(*delay);
      continue;
    }
    if (!result.failure) {
      result.response.tries = tries;
      return std::move(result.response);
    }
    const auto reason = describe(result.failure);
    if (result.outcome.how == attempt_outcome::kind::timed_out)
      throw deadline_exceeded("no_answer_in_time", "{} did not answer in time", authority);
    log.warning("{http_method} {authority}{path} failed after {tries} tries: {error}", name_of(what.method), authority,
                shared.shown(to.target), tries, reason.detail);
    if (const auto fault = fault_of_tls(result.failure)) throw unavailable("tls_failed", "{} cannot be called: {}", authority, *fault);
    throw unavailable(result.outcome.how == attempt_outcome::kind::not_sent ? "no_connection" : "connection_broken", "{} cannot be reached",
                      authority);
  }
}

bool client::exchange_json(http_method method, std::string_view url, const type_model* body_model, const void* body,
                           const type_model* result_model, void* result, absent when_absent) {
  client_request what{.method = method, .url = std::string(url), .headers = {{"Accept", "application/json"}}};
  if (body_model) {
    json::write(what.body, *body_model, body);
    what.content_type = "application/json";
  }
  const auto answer = send(what);
  if (answer.status == 404 && when_absent == absent::is_nothing) return false;
  const auto target = url.substr(0, url.find('?'));
  throw_unless_ok(answer, target);
  if (!result_model) return true;
  const auto violations = json::read(answer.body, *result_model, result);
  if (!violations.empty()) {
    const auto& first = violations.front();
    throw internal_error("malformed_answer", "{} answered what cannot be read: {} {}", target, first.path, first.message);
  }
  return true;
}

void client::set_service(std::string_view name, std::string_view address) {
  const std::lock_guard lock(state_->guard);
  state_->options.services.insert_or_assign(std::string(name), std::string(address));
}

service_client client::service(std::string_view name) {
  const std::lock_guard lock(state_->guard);
  for (const auto& [known, address] : state_->options.services) {
    if (equal_ignoring_case(known, name)) {
      auto base = address;
      while (base.ends_with('/')) base.pop_back();
      return {*this, std::move(base)};
    }
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
  return client_->send(what);
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
  if (!json::read(answer.body, model_of<told_problem>(), &told).empty()) told = {};
  const auto code = told.code.empty() ? "http_" + std::to_string(answer.status) : told.code;
  const auto& text = told.reason.empty() ? told.message : told.reason;
  const auto reason = text.empty() ? "answered " + std::to_string(answer.status) : text;
  switch (answer.status) {
    case 404:
      throw not_found(code, "{}: {}", what, reason);
    case 409:
      throw conflict(code, "{}: {}", what, reason);
    case 429:
      throw rate_limited(code, "{}: {}", what, reason);
    case 502:
    case 503:
      throw unavailable(code, "{}: {}", what, reason);
    case 504:
      throw deadline_exceeded(code, "{}: {}", what, reason);
    default:
      throw internal_error("unexpected_answer", "{} answered {} {}: {}", what, answer.status, code, reason);
  }
}

}  // namespace mamey::inline v1::http
