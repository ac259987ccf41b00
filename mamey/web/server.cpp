#include <mamey/web/server.hpp>

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/http/on_loop.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/stream.hpp>
#include <mamey/runtime/sync.hpp>
#include <mamey/web/detail/endpoint.hpp>
#include <mamey/web/detail/worker.hpp>

namespace mamey::inline v1::web {
namespace {

using http::detail::run_on_loop;

const logger log{"mamey.web"};
constexpr auto handshakes_under_way = std::chrono::milliseconds(50);  // a round trip of a client at some distance

}  // namespace

struct http_server::state {
  state(mamey::runtime& on, const server_options& options, handler& answers) : shared{options, answers} {
    for (std::size_t i = 0; i < on.loops(); ++i) workers.push_back(std::make_unique<detail::worker>(on.loop(i), shared));
  }

  event_loop& accepting_loop() { return workers.front()->loop(); }

  void accept(socket_handle socket, const tls_context* tls) {
    auto& chosen = *workers[next++ % workers.size()];
    if (&chosen.loop() == event_loop::current()) return chosen.adopt(std::move(socket), tls);
    chosen.loop().post([&chosen, descriptor = socket.release(), tls] { chosen.adopt(socket_handle(descriptor), tls); });
  }

  /// Asks every worker to tell when it has no connection left; the permits come as they do.
  std::shared_ptr<semaphore> watch_for_emptiness() {
    auto empty = std::make_shared<semaphore>(0);
    for (auto& each : workers) {
      run_on_loop(each->loop(), [&each, empty] { each->when_empty([empty] { empty->release(); }); });
    }
    return empty;
  }

  detail::server_shared shared;
  std::vector<std::unique_ptr<detail::worker>> workers;
  std::vector<std::unique_ptr<tcp_listener>> listeners;
  std::vector<endpoint> addresses;
  std::size_t next = 0;
  bool closed = false;
};

http_server::http_server(runtime& on, const server_options& options, handler& answers)
    : state_(std::make_shared<state>(on, options, answers)) {}

http_server::~http_server() { close(); }

void http_server::start() {
  std::vector<endpoint> wanted;
  for (const auto& each : state_->shared.options.urls) wanted.push_back(detail::parse_endpoint(each));
  if (const auto first = std::ranges::find_if(wanted, &endpoint::secure); first != wanted.end()) {
    const auto& tls = state_->shared.options.tls;
    if (tls.certificate_file.empty()) throw std::invalid_argument("cannot listen on " + first->url() + ": set server:tls:certificateFile");
    state_->shared.tls = tls_context::for_servers(tls);
  }
  for (auto& each : wanted) {
    try {
      state_->listeners.push_back(std::make_unique<tcp_listener>(each.host, each.port));
    } catch (const std::system_error& error) {
      state_->listeners.clear();
      throw unavailable("cannot_listen", "cannot listen on {}://{}:{}: {}", each.secure ? "https" : "http", each.host, each.port, error.what());
    }
    each.port = state_->listeners.back()->port();
  }
  state_->addresses = std::move(wanted);
  run_on_loop(state_->accepting_loop(), [this] {
    for (std::size_t i = 0; i < state_->listeners.size(); ++i) {
      const auto* tls = state_->addresses[i].secure ? &*state_->shared.tls : nullptr;
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
  return state_->shared.in_flight == 0;
}

void http_server::close() {
  if (std::exchange(state_->closed, true)) return;
  stop_accepting();
  const masked_section mask;
  for (auto& each : state_->workers) run_on_loop(each->loop(), [&each] { each->abandon_all(); });
  const auto empty = state_->watch_for_emptiness();
  for (std::size_t i = 0; i < state_->workers.size(); ++i) empty->acquire();
}

server_statistics http_server::read_statistics() const noexcept {
  server_statistics sum{.connections_open = state_->shared.connections, .in_flight = state_->shared.in_flight};
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

}  // namespace mamey::inline v1::web
