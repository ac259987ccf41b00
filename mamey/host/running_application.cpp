#include <mamey/host/running_application.hpp>

#include <algorithm>
#include <set>

#include <mamey/core/services.hpp>
#include <mamey/cqrs/pipeline.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/host/detail/counted_router.hpp>
#include <mamey/host/detail/documentation.hpp>
#include <mamey/host/detail/endpoints.hpp>
#include <mamey/host/detail/engine_choice.hpp>
#include <mamey/host/detail/framework_endpoints.hpp>
#include <mamey/host/detail/health_runner.hpp>
#include <mamey/host/detail/message_endpoints.hpp>
#include <mamey/host/detail/message_flow.hpp>
#include <mamey/host/detail/settings.hpp>
#include <mamey/host/detail/statistics.hpp>
#include <mamey/http/client.hpp>
#include <mamey/observability/health.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/observability/metrics.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/shutdown.hpp>

namespace mamey::inline v1 {
namespace {

const logger log{"mamey.host"};

/// Injected before the pipeline exists.
class late_dispatcher final : public dispatcher {
 public:
  void dispatch(const message_info& message, const void* object, const result_sink& sink) override { target->dispatch(message, object, sink); }
  pipeline* target = nullptr;
};

}  // namespace

struct running_application::state {
  state(std::unique_ptr<application_definition> what, application_surroundings where) : definition(std::move(what)), around(std::move(where)) {}

  std::unique_ptr<application_definition> definition;
  application_surroundings around;
  application_settings settings;
  engine_choice engines;

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
  void list_handlers();
  void compose_services();
  void check_means(const handler_entry& handler) const;
  void open_store();
  void build_routes();
};

running_application::running_application(std::unique_ptr<application_definition> definition, application_surroundings around)
    : state_(std::make_unique<state>(std::move(definition), std::move(around))) {
  auto& self = *state_;
  self.settings = read_settings(name(), self.definition->settings, self.around.configuration);
  if (!self.around.urls.empty()) self.settings.server.urls = self.around.urls;
  self.engines = choose_engines(*self.definition, self.around.configuration, self.around.shared_transport != nullptr);
  state_->list_handlers();
  state_->compose_services();
}

running_application::~running_application() = default;

const std::string& running_application::name() const noexcept { return state_->definition->name; }

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
    if (!each->collections.empty() && !engines.store) {
      throw internal_error("no_store", "{} stores {}, but application {} has no store; add one, e.g. .add(mamey::sqlite())", each->name, each->collections.front()->name, definition->name);
    }
  }
  provider = std::make_unique<service_provider>(std::move(registrations));
}

/// What a handler asks for that every application can inject, but not every one has.
void running_application::state::check_means(const handler_entry& handler) const {
  const auto asks = [&](const service_type* type) { return std::ranges::find(handler.needs, type) != handler.needs.end(); };
  for (const auto* type : service_list<database, transaction>) {
    if (!engines.store && asks(type)) throw internal_error("no_store", "{} asks for a database, but application {} has no store; add one, e.g. .add(mamey::sqlite())", handler.name, definition->name);
  }
  if (!definition->uses_messaging && asks(service_list<publisher>[0])) {
    throw internal_error("no_messaging", "{} asks for a publisher, but application {} has no messaging; add it: .add(mamey::messaging())", handler.name, definition->name);
  }
}

void running_application::state::open_store() {
  if (!engines.store) return;
  opened_store = engines.store->open(surroundings());
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
  auto all = framework_routes(definition->name, health, metrics, settings.management, declared);
  auto documentation = settings.documentation;
  if (documentation.title.empty()) documentation.title = settings.app.name.empty() ? definition->name : settings.app.name;
  if (documentation.version.empty()) documentation.version = settings.app.version.empty() ? "1.0.0" : settings.app.version;
  std::ranges::move(documentation_routes(documentation, documented, declared), std::back_inserter(all));
  if (messages) std::ranges::move(message_routes(*messages, settings.management), std::back_inserter(all));
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
  log.info("{application} {engines}", name(), self.engines.in_words);
  self.open_store();
  for (const auto& [work, run] : self.definition->start_work) {
    log.debug("{application}: {work}", name(), work);
    run(self.surroundings());
  }
  self.runs = std::make_unique<pipeline>(*self.provider, self.handlers, self.opened_store.get(), self.metrics,
                                         pipeline_options{.outgoing = {.service = name(), .names = self.settings.naming}});
  self.dispatch.target = self.runs.get();
  self.provider->start();
  std::vector<behaviour*> behaviours;
  for (const auto& part : self.definition->modules) {
    for (const auto& find : part.behaviours) behaviours.push_back(&find(*self.provider));
  }
  self.runs->use(std::move(behaviours));
  if (self.definition->uses_messaging) {
    self.messages = std::make_unique<message_flow>(message_flow_parts{.around = self.surroundings(),
                                                                      .engines = self.engines,
                                                                      .lifts = &self.definition->lifts,
                                                                      .handlers = &self.handlers,
                                                                      .runs = self.runs.get(),
                                                                      .module_store = self.opened_store.get(),
                                                                      .shared = self.around.shared_transport,
                                                                      .names = self.settings.naming});
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
    self.server = std::make_unique<web::http_server>(*self.around.runtime, self.settings.server, *self.routes);
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
    if (self.settings.shutdown.drain_delay.count() > 0) sleep_for(self.settings.shutdown.drain_delay);
  });
  if (self.server) plan.add(shutdown_stage::stop_accepting, named("no more connections"), [&self] {
    self.server->stop_accepting();
    self.stopped_accepting_at = steady_now();
  });
  if (self.messages) plan.add(shutdown_stage::cancel_consumers, named("no more messages"), [&self] { self.messages->endpoint().cancel_consumers(); });
  if (self.server) plan.add(shutdown_stage::finish_in_flight, named("finish requests"), [&self] {
    // Those who keep a connection without using it (pools of clients, our own among them) would hold us up to the end; unlike those who are in a request.
    const auto deadline = steady_now() + self.settings.shutdown.drain_timeout;
    self.server->drain(std::min(self.stopped_accepting_at + self.settings.shutdown.idle_grace, deadline));
    if (!self.server->drain(deadline)) log.warning("requests were still unanswered after {timeout} ms", self.settings.shutdown.drain_timeout.count());
  });
  if (self.messages) {
    plan.add(shutdown_stage::finish_in_flight, named("finish messages"), [&self] { self.messages->endpoint().finish_in_flight(self.settings.shutdown.drain_timeout); });
    plan.add(shutdown_stage::stop_relays, named("stop the relay"), [&self] { self.messages->endpoint().stop_relay(self.settings.shutdown.drain_timeout); });
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
