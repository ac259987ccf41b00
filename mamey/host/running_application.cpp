#include <mamey/host/running_application.hpp>

#include <algorithm>
#include <map>
#include <set>

#include <mamey/core/services.hpp>
#include <mamey/cqrs/pipeline.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/host/detail/endpoints.hpp>
#include <mamey/host/detail/documentation.hpp>
#include <mamey/host/detail/framework_endpoints.hpp>
#include <mamey/host/detail/health_runner.hpp>
#include <mamey/host/detail/message_endpoints.hpp>
#include <mamey/host/detail/message_flow.hpp>
#include <mamey/host/detail/statistics.hpp>
#include <mamey/host/detail/options.hpp>
#include <mamey/http/client.hpp>
#include <mamey/observability/health.hpp>
#include <mamey/observability/http_metrics.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/observability/metrics.hpp>
#include <mamey/runtime/active_span.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/shutdown.hpp>

namespace mamey::inline v1 {
namespace {

const logger log{"mamey.host"};
constexpr std::string_view default_origin = "default of the application";

/// Injected before the pipeline exists.
class late_dispatcher final : public dispatcher {
 public:
  void dispatch(const message_info& message, const void* object, const result_sink& sink) override { target->dispatch(message, object, sink); }
  pipeline* target = nullptr;
};

/// The router, with each request counted under its route.
class counted_router final : public web::handler {
 public:
  counted_router(std::vector<web::route> routes, metrics::registry& registry, std::string service)
      : routes_(std::move(routes)), metrics_(registry), service_(std::move(service)) {
    for (const auto& each : routes_.routes()) {
      by_pattern_[key(each.pattern.data(), each.method)] = &metrics_.at(http::name_of(each.method), each.pattern, each.place, each.name);
    }
  }

  void handle(http::request& request, http::response& response) override {
    const auto arrived = round_time();
    auto& context = current_context();
    context.service = service_;
    // The request's trace is that of this span: the server made it a child of the caller's.
    tracing::span span(http::name_of(request.method()), tracing::span_kind::server, tracing::place_of(context.trace), service_);
    routes_.handle(request, response);
    if (span.recording()) describe(span, request, response);
    auto& counted = endpoint_of(request);
    counted.started();
    counted.finished(response.status(), steady_now() - arrived);
  }

 private:
  static void describe(tracing::span& span, const http::request& request, const http::response& response) {
    if (!request.route().empty()) span.rename(std::string(http::name_of(request.method())) + " " + std::string(request.route()));
    span.set("http.request.method", request.method_text()).set("http.route", request.route()).set("url.path", request.path());
    span.set("http.response.status_code", response.status());
    if (response.status() >= 500) span.fail("status " + std::to_string(response.status()));
  }

  static std::pair<const char*, http_method> key(const char* pattern, http_method method) { return {pattern, method}; }

  metrics::http_server_metrics::endpoint& endpoint_of(const http::request& request) {
    const auto method = request.method() == http_method::head ? http_method::get : request.method();
    const auto found = by_pattern_.find(key(request.route().data(), method));
    if (found != by_pattern_.end()) return *found->second;
    return metrics_.at(request.method() == http_method::other ? "OTHER" : http::name_of(request.method()), "", "", "unmatched");
  }

  web::router routes_;
  metrics::http_server_metrics metrics_;
  std::string service_;
  std::map<std::pair<const char*, http_method>, metrics::http_server_metrics::endpoint*> by_pattern_;
};

/// Each once, although several readers of a section find the same.
void warn_of(const std::vector<configuration_problem>& problems) {
  std::set<std::string> said;
  for (const auto& each : problems) {
    if (const auto text = to_string(each); said.insert(text).second) log.warning("{problem}", text);
  }
}

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

/// The parts check their sections knowing values only. Whoever reads their sentence wants the line: ` (messaging:concurrency is set by ./appsettings.json:3)` for
/// each setting it names as `messaging.concurrency`.
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

}  // namespace

struct running_application::state {
  state(std::unique_ptr<application_definition> what, application_surroundings where) : definition(std::move(what)), around(std::move(where)) {}

  std::unique_ptr<application_definition> definition;
  application_surroundings around;
  app_options app;
  web::server_options server_settings;
  shutdown_options shutdown;
  management_options management;
  web::documentation_options documentation;

  health::registry health{run_on_fibers};
  metrics::registry metrics{};
  handler_registry handlers;
  late_dispatcher dispatch;
  std::unique_ptr<http::client> client;
  std::unique_ptr<service_provider> provider;
  std::unique_ptr<store> opened_store;
  std::unique_ptr<pipeline> runs;
  std::unique_ptr<message_flow> messages;
  std::unique_ptr<counted_router> routes;
  std::unique_ptr<web::http_server> server;
  std::vector<metrics::registration> shown;  ///< of client and server: ends before them
  steady_time stopped_accepting_at{};

  environment surroundings() {
    return {.application = definition->name, .configuration = &around.configuration, .data_directory = around.data_directory, .system_loop = around.system_loop, .workers = around.workers, .health = &health, .metrics = &metrics};
  }
  void read_settings();
  void list_handlers();
  void compose_services();
  void check_means(const handler_entry& handler) const;
  void open_store();
  void build_routes();
};

running_application::running_application(std::unique_ptr<application_definition> definition, application_surroundings around)
    : state_(std::make_unique<state>(std::move(definition), std::move(around))) {
  state_->read_settings();
  state_->list_handlers();
  state_->compose_services();
}

running_application::~running_application() = default;

const std::string& running_application::name() const noexcept { return state_->definition->name; }

void running_application::state::read_settings() {
  for (const auto& [setting, value] : definition->settings) {
    // A default list gives way as a whole: `server:urls:0` to whatever stands at `server:urls`.
    const auto list = setting.substr(0, setting.find_last_not_of("0123456789") + 1);
    if (!around.configuration.contains(list.ends_with(':') ? list.substr(0, list.size() - 1) : setting)) around.configuration.set(setting, value, default_origin);
  }
  configuration_report report;
  const auto& values = around.configuration;
  values.bind("app", app, report);
  values.bind("server", server_settings, report);
  values.bind("shutdown", shutdown, report);
  values.bind("management", management, report);
  values.bind("swagger", documentation, report);
  report.throw_if_any();
  warn_of(report.warnings);
  if (!around.urls.empty()) server_settings.urls = around.urls;
}

void running_application::state::list_handlers() {
  for (std::size_t number = 0; number < definition->modules.size(); ++number) {
    auto& part = definition->modules[number];
    for (auto& [handler, earlier] : part.renamed) {
      const auto found = std::ranges::find(part.handlers, handler, &handler_entry::name);
      if (found == part.handlers.end()) throw internal_error("no_handler", "{} was {} once, but is no handler of module {}", handler, earlier, part.name);
      found->earlier_names.push_back(std::move(earlier));
    }
    for (auto& each : part.handlers) {
      each.module = number;
      handlers.add(std::move(each));
    }
    for (auto& each : part.mappings) handlers.add(std::move(each));
    for (auto& each : part.rejections) handlers.add(std::move(each));
    for (const auto* each : part.published) handlers.publish(*each);
  }
  for (auto& part : definition->modules) {
    for (const auto* each : part.subscribed) handlers.subscribe(*each);
    for (const auto* each : part.ordered) handlers.order(*each);
    for (auto& each : part.lifts) definition->lifts.add(std::move(each.type), each.from_version, std::move(each.run));
  }
  for (std::size_t number = 0; number < definition->modules.size(); ++number) {
    for (auto& each : definition->modules[number].endpoints) {
      if (!each.in_place) continue;
      each.in_place->module = number;
      handlers.add_in_place(each.in_place);
    }
  }
}

void running_application::state::compose_services() {
  auto registrations = std::move(definition->feature_services);
  registrations.add_reference<configuration>(around.configuration).add_reference<dispatcher>(dispatch);
  registrations.add_placed<unit_of_work>().add_placed<transaction>();
  if (around.runtime) {
    client = std::make_unique<http::client>(*around.runtime, around.configuration.bind<http::client_options>("httpClient"));
    registrations.add_reference<http::client>(*client);
  }
  for (const auto& add : definition->registrations) add(registrations);
  for (auto& part : definition->modules) {
    for (const auto& add : part.registrations) add(registrations);
  }
  for (const auto& each : handlers.all()) {
    registrations.need({.message = std::string(each->message->name), .handler = std::string(each->name), .module = definition->name}, each->needs);
    check_means(*each);
    if (!each->collections.empty() && definition->store_factory.feature.empty()) {
      throw internal_error("no_store", "{} stores {}, but application {} has no store; add one, e.g. .add(mamey::sqlite())", each->name, each->collections.front()->name, definition->name);
    }
  }
  provider = std::make_unique<service_provider>(std::move(registrations));
}

/// What a handler asks for that every application can inject, but not every one has.
void running_application::state::check_means(const handler_entry& handler) const {
  const auto asks = [&](const service_type* type) { return std::ranges::find(handler.needs, type) != handler.needs.end(); };
  const bool has_store = !definition->store_factory.feature.empty();
  for (const auto* type : service_list<database, transaction>) {
    if (!has_store && asks(type)) throw internal_error("no_store", "{} asks for a database, but application {} has no store; add one, e.g. .add(mamey::sqlite())", handler.name, definition->name);
  }
  if (!definition->uses_messaging && asks(service_list<publisher>[0])) {
    throw internal_error("no_messaging", "{} asks for a publisher, but application {} has no messaging; add it: .add(mamey::messaging())", handler.name, definition->name);
  }
}

void running_application::state::open_store() {
  if (definition->store_factory.feature.empty()) return;
  opened_store = definition->store_factory.open(surroundings());
  std::set<const collection*> collections;
  for (const auto& each : handlers.all()) collections.insert(each->collections.begin(), each->collections.end());
  const std::vector<const collection*> all(collections.begin(), collections.end());
  opened_store->prepare(all);
  health.add({.name = "store", .kinds = health::kind::readiness, .check = [this] {
    opened_store->check();
    return health::result{};
  }});
}

void running_application::state::build_routes() {
  std::vector<web::route> declared;
  std::vector<web::documented_endpoint> documented;
  for (const auto& part : definition->modules) {
    for (const auto& each : part.endpoints) {
      const auto* handler = each.in_place ? each.in_place.get() : handlers.command_or_query(*each.message->key);
      if (!handler) {
        throw internal_error("no_handler", "{} has an endpoint in module {}, but no handler: list one with .commands<…>() or .queries<…>()", each.message->name, part.name);
      }
      declared.push_back(make_route(each, *handler, *runs, part.name));
      documented.push_back({.method = each.method,
                            .pattern = each.pattern,
                            .name = handler->message->name,
                            .group = part.name,
                            .input = handler->message->model,
                            .result = handler->result,
                            .status = each.how.status,
                            .has_location = !each.how.location.empty(),
                            .needs_user = handler->message->access.authenticated,
                            .needs_role = !handler->message->access.any_of.front().empty()});
    }
  }
  auto all = framework_routes(definition->name, health, metrics, management, declared);
  if (documentation.title.empty()) documentation.title = app.name.empty() ? definition->name : app.name;
  if (documentation.version.empty()) documentation.version = app.version.empty() ? "1.0.0" : app.version;
  std::ranges::move(documentation_routes(documentation, documented, declared), std::back_inserter(all));
  if (messages) std::ranges::move(message_routes(*messages, management), std::back_inserter(all));
  std::ranges::move(declared, std::back_inserter(all));
  routes = std::make_unique<counted_router>(std::move(all), metrics, definition->name);
}

void running_application::prepare() {
  current_context().service = name();
  try {
    open_and_build();
  } catch (const validation_error& refused) {
    auto placed = refused.violations();
    for (auto& each : placed) each.message += places_of(each.message, state_->around.configuration);
    throw validation_error(std::move(placed), std::string(refused.code()));
  }
}

void running_application::open_and_build() {
  auto& self = *state_;
  self.open_store();
  for (const auto& [work, run] : self.definition->start_work) {
    log.debug("{application}: {work}", name(), work);
    run(self.surroundings());
  }
  const auto naming = naming_of(self.around.configuration, self.app, name());
  self.runs = std::make_unique<pipeline>(*self.provider, self.handlers, self.opened_store.get(), self.metrics,
                                         pipeline_options{.outgoing = {.service = name(), .names = naming}});
  self.dispatch.target = self.runs.get();
  self.provider->start();
  std::vector<behaviour*> behaviours;
  for (const auto& part : self.definition->modules) {
    for (const auto& find : part.behaviours) behaviours.push_back(&find(*self.provider));
  }
  self.runs->use(std::move(behaviours));
  if (self.definition->uses_messaging) {
    self.messages = std::make_unique<message_flow>(self.surroundings(), *self.definition, self.handlers, *self.runs, self.opened_store.get(), self.around.shared_transport, naming);
    self.messages->endpoint().declare();
  }
  self.build_routes();
  warn_of(self.around.configuration.warnings());
}

void running_application::consume() {
  if (state_->messages) state_->messages->endpoint().start_consuming();
}

void running_application::start() {
  auto& self = *state_;
  if (self.messages) self.messages->endpoint().start_relay();
  if (self.around.runtime) {
    self.server = std::make_unique<web::http_server>(*self.around.runtime, self.server_settings, *self.routes);
    self.server->start();
    self.shown = show_server(self.metrics, *self.server);
    std::ranges::move(show_client(self.metrics, *self.client), std::back_inserter(self.shown));
  }
  self.health.set_started();
}

std::vector<web::endpoint> running_application::addresses() const { return state_->server ? state_->server->addresses() : std::vector<web::endpoint>{}; }

void running_application::set_neighbour(const std::string& neighbour, const std::string& url) {
  const auto origin = state_->around.configuration.origin("httpClient:services:" + neighbour);
  if (state_->client && (origin.empty() || origin == default_origin)) state_->client->set_service(neighbour, url);
}

void running_application::plan_shutdown(shutdown_plan& plan) {
  auto& self = *state_;
  const auto named = [&](std::string_view step) { return name() + ": " + std::string(step); };
  plan.add(shutdown_stage::readiness_off, named("not ready any more"), [&self] { self.health.set_stopping(); });
  plan.add(shutdown_stage::drain_delay, named("drain delay"), [&self] {
    if (self.shutdown.drain_delay.count() > 0) sleep_for(self.shutdown.drain_delay);
  });
  if (self.server) plan.add(shutdown_stage::stop_accepting, named("no more connections"), [&self] {
    self.server->stop_accepting();
    self.stopped_accepting_at = steady_now();
  });
  if (self.messages) plan.add(shutdown_stage::cancel_consumers, named("no more messages"), [&self] { self.messages->endpoint().cancel_consumers(); });
  if (self.server) plan.add(shutdown_stage::finish_in_flight, named("finish requests"), [&self] {
    // Those who keep a connection without using it (pools of clients, our own among them) would hold us up to the end; unlike those who are in a request.
    const auto deadline = steady_now() + self.shutdown.drain_timeout;
    self.server->drain(std::min(self.stopped_accepting_at + self.shutdown.idle_grace, deadline));
    if (!self.server->drain(deadline)) log.warning("requests were still unanswered after {timeout} ms", self.shutdown.drain_timeout.count());
  });
  if (self.messages) {
    plan.add(shutdown_stage::finish_in_flight, named("finish messages"), [&self] { self.messages->endpoint().finish_in_flight(self.shutdown.drain_timeout); });
    plan.add(shutdown_stage::stop_relays, named("stop the relay"), [&self] { self.messages->endpoint().stop_relay(self.shutdown.drain_timeout); });
  }
  plan.add(shutdown_stage::close_pools, named("close"), [&self] {
    if (self.server) self.server->close();
    self.messages.reset();
  });
}

web::handler& running_application::requests() noexcept { return *state_->routes; }
pipeline& running_application::handlers() noexcept { return *state_->runs; }
service_provider& running_application::provider() noexcept { return *state_->provider; }
store* running_application::module_store() noexcept { return state_->opened_store.get(); }

}  // namespace mamey::inline v1
