#include <mamey/host/running_application.hpp>

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include <mamey/core/services.hpp>
#include <mamey/core/text.hpp>
#include <mamey/cqrs/pipeline.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/host/detail/background_work.hpp>
#include <mamey/host/detail/bounded_work.hpp>
#include <mamey/host/detail/composition_checks.hpp>
#include <mamey/host/detail/configuration_layers.hpp>
#include <mamey/host/detail/documentation.hpp>
#include <mamey/host/detail/endpoints.hpp>
#include <mamey/host/detail/engine_choice.hpp>
#include <mamey/host/detail/failure_levels.hpp>
#include <mamey/host/detail/feature_routes.hpp>
#include <mamey/host/detail/framework_endpoints.hpp>
#include <mamey/host/detail/health_runner.hpp>
#include <mamey/host/detail/jobs.hpp>
#include <mamey/host/detail/listen_urls.hpp>
#include <mamey/host/detail/management_listener.hpp>
#include <mamey/host/detail/message_endpoints.hpp>
#include <mamey/host/detail/message_flow.hpp>
#include <mamey/host/detail/outlets.hpp>
#include <mamey/host/detail/service_resolution.hpp>
#include <mamey/host/detail/settings.hpp>
#include <mamey/host/detail/unmet.hpp>
#include <mamey/host/exchange_headers.hpp>
#include <mamey/http/client.hpp>
#include <mamey/http/metrics.hpp>
#include <mamey/messaging/metrics.hpp>
#include <mamey/messaging/options.hpp>
#include <mamey/messaging/store.hpp>
#include <mamey/observability/health.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/observability/metrics.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/shutdown.hpp>
#include <mamey/scheduling/metrics.hpp>
#include <mamey/web/counted_router.hpp>
#include <mamey/web/metrics.hpp>

namespace mamey::inline v1 {
namespace {

const logger log{"mamey.host"};

/// What is logged meanwhile, and by the fibers that are started meanwhile, is this application's, although one fiber starts and stops them
/// all.
class speaking_as {
 public:
  explicit speaking_as(const std::string& application) : before_(std::exchange(current_context().service, application)) {}
  ~speaking_as() { current_context().service = std::move(before_); }
  speaking_as(const speaking_as&) = delete;
  speaking_as& operator=(const speaking_as&) = delete;

 private:
  std::string before_;
};

/// A section that only one of these features reads may be misspelled where another was chosen: `postgress` makes SQLite the store.
constexpr std::string_view known_sections[] = {"app",        "server",      "shutdown", "management", "swagger",
                                               "httpClient", "persistence", "sqlite",   "postgres",   "messaging",
                                               "rabbitMq",   "outbox",      "jobs",     "metrics",    "prometheus"};

/// Injected before the pipeline exists.
class late_dispatcher final : public dispatcher {
 public:
  void dispatch(const message_info& message, const void* object, const result_sink& sink) override {
    target->dispatch(message, object, sink);
  }
  pipeline* target = nullptr;
};

/// Ours, `server:urls`, wins over what .NET's host would take, but `--urls` over it. Returns the TLS options of each url, where they are
/// not `server.tls`.
std::vector<tls_options> take_asked_urls(web::server_options& server, const configuration& values) {
  const auto own = values.origin("server:urls:0");
  if (!own.empty() && own != default_origin && !values.origin("urls").starts_with("argument")) {
    if (const auto names = values.keys("Kestrel:Endpoints"); !names.empty()) {
      const auto key = "Kestrel:Endpoints:" + names.front();
      warn_of({{.origin = values.origin(key + ":Url"),
                .key = key,
                .message = "is not used, nor is what it demands of TLS: server:urls says where to listen"}});
    }
    return {};
  }
  auto asked = listen_urls(values, server.tls);
  if (asked.urls.empty()) return {};
  log.info("listens where {origin} says", asked.origin);
  warn_of(asked.warnings);
  server.urls = std::move(asked.urls);
  const auto first = std::ranges::find_if(asked.tls, [](const tls_options& each) { return !each.certificate_file.empty(); });
  if (server.tls.certificate_file.empty() && first != asked.tls.end()) {  // management has the same
    server.tls.certificate_file = first->certificate_file;
    server.tls.key_file = first->key_file;
    server.tls.password = first->password;
  }
  return std::move(asked.tls);
}

}  // namespace

struct running_application::state {
  state(std::unique_ptr<application_definition> what, application_surroundings where)
      : definition(std::move(what)), around(std::move(where)) {}

  std::unique_ptr<application_definition> definition;
  application_surroundings around;
  application_settings settings;
  std::vector<tls_options> tls_of_urls;  ///< empty: those of the server
  engine_choice engines;

  health::registry health{run_on_fibers};
  metrics::registry metrics{};
  metrics::http_server_metrics http_metrics{metrics};
  environment surroundings{.application = definition->name,
                           .configuration = &around.configuration,
                           .data_directory = around.data_directory,
                           .system_loop = around.system_loop,
                           .workers = around.workers,
                           .health = &health,
                           .metrics = &metrics,
                           .runtime = around.runtime};
  outlets outside;
  std::unique_ptr<configuration_changes> changes;
  handler_registry handlers;
  late_dispatcher dispatch;
  std::unique_ptr<http::client> client;
  std::unique_ptr<service_provider> provider;
  std::unique_ptr<store> opened_store;
  std::unique_ptr<pipeline> runs;
  std::unique_ptr<message_flow> messages;
  std::unique_ptr<web::counted_router> routes;
  std::unique_ptr<web::counted_router> first_managed, managed;  ///< while the start waits for others, and then
  std::unique_ptr<management_listener> management;              ///< null: management is among `routes`
  std::vector<recurring_job> declared_jobs;
  std::unique_ptr<job_runner> jobs;  ///< null: there are none
  background_work background{definition->doors.background, surroundings};
  std::unique_ptr<web::http_server> server;
  std::vector<metrics::registration> shown;  ///< of jobs, client and server: ends before them
  steady_time stopped_accepting_at{};
  bool still_used = false;  ///< by work of a feature that did not end when it was cancelled

  void take_layers();
  void list_handlers();
  void read_options(services& into);
  void compose_services();
  bool is_called_over_http(const handler_entry& handler) const;
  void check_means(const handler_entry& handler) const;
  void refuse_sql(std::string_view code, const std::string& reason) const;
  void look_through(handler_entry& handler) const;
  bool opens_transaction_for_others(handler_entry& handler) const;
  void open_store();
  void show_unsent();
  outgoing_rules outgoing() const {
    return {.service = definition->name, .names = settings.naming.names, .with_context = settings.naming.with_context};
  }
  void open_jobs();
  framework_parts framework() {
    return {.health = health, .metrics = metrics, .management = settings.management, .exposition = settings.prometheus};
  }
  const handler_entry& handler_of(const module_definition& part, const endpoint_definition& endpoint) const;
  void check_routes();
  void check_messaging_options() const;
  void build_routes();
  void build_management(std::vector<web::route> of_features);
  std::optional<std::chrono::sys_seconds> certificate_expires() const;
  void watch_certificate();
};

namespace {

/// Adds to what a rule refuses where the value was set.
void with_places(const configuration& values, const std::function<void()>& work) {
  try {
    work();
  } catch (const validation_error& refused) {
    auto placed = refused.violations();
    for (auto& each : placed) each.message += places_of(each.message, values);
    throw validation_error(std::move(placed), std::string(refused.code()));
  }
}

}  // namespace

running_application::running_application(std::unique_ptr<application_definition> definition, application_surroundings around)
    : state_(std::make_unique<state>(std::move(definition), std::move(around))) {
  auto& self = *state_;
  self.definition->throw_if_refused();
  self.take_layers();
  self.settings = read_settings(name(), self.around.configuration);
  self.surroundings.naming = &self.settings.naming;
  if (!self.around.urls.empty())
    self.settings.server.urls = self.around.urls;
  else if (self.around.runtime && self.around.asks_for_urls)
    self.tls_of_urls = take_asked_urls(self.settings.server, self.around.configuration);
  check_management_urls(self.settings.management, self.settings.server, self.around.configuration);
  self.engines = choose_engines(*self.definition, self.around.configuration, self.around.shared_transport != nullptr);
  state_->list_handlers();
  check_endpoints(*self.definition, self.handlers);
  check_checks(self.handlers);
  check_names(*self.definition, self.handlers, self.settings.naming.names);
  state_->compose_services();
  // What refuses the start without the store must do so before any store of the process is opened, whose migrations cannot be taken back.
  state_->check_routes();
  with_places(self.around.configuration, [&] { self.check_messaging_options(); });
  self.declared_jobs = jobs_of(*self.definition, self.handlers, self.around.configuration, self.outgoing(), self.engines.store != nullptr);
  if (!self.declared_jobs.empty()) self.definition->run_in_background("recurring jobs", [&self](const environment&) { self.jobs->run(); });
}

running_application::~running_application() {
  if (!state_->still_used) return;
  static auto* const kept =
      new std::vector<std::unique_ptr<state>>;  // never destroyed, as what runs on uses it; the end of the process comes first
  kept->push_back(std::move(state_));
}

const std::string& running_application::name() const noexcept { return state_->definition->name; }

void running_application::state::list_handlers() {
  for (auto& part : definition->modules) {
    for (auto& [handler, earlier] : part.renamed) {
      const auto found = std::ranges::find(part.handlers, handler, &handler_entry::name);
      if (found == part.handlers.end())
        throw internal_error("no_handler", "{} was {} once, but is no handler of {}", handler, earlier, place_of(part.name));
      found->earlier_names.push_back(std::move(earlier));
    }
    if (!definition->uses_messaging) check_needs_no_messages(part, definition->name);
    for (auto& each : part.handlers) handlers.add(std::move(each));
    for (const auto& each : part.mappings) handlers.add(each);
    for (const auto& each : part.rejections) handlers.add(each);
    for (const auto* each : part.published) handlers.publish(*each);
  }
  for (auto& part : definition->modules) {
    for (const auto* each : part.subscribed) handlers.subscribe(*each);
    for (const auto* each : part.ordered) handlers.order(*each);
    for (auto& each : part.lifts) definition->lifts.add(std::move(each.type), each.from_version, std::move(each.run));
  }
  for (auto& part : definition->modules) {
    for (auto& each : part.endpoints) {
      if (!each.in_place) continue;
      each.in_place->only_reads = each.method == http_method::get;
      handlers.add_in_place(each.in_place);
    }
  }
}

/// Sections of the service's own. All of them are read before the first bad value refuses the start.
void running_application::state::read_options(services& into) {
  configuration_report report;
  const auto read = [&](const options_definition& wanted) {
    around.configuration.bind(wanted.section, *wanted.model, wanted.values.get(), report);
    wanted.add(into, wanted.values);
  };
  for (const auto& each : definition->options) read(each);
  for (const auto& part : definition->modules) {
    for (const auto& each : part.options) read(each);
  }
  report.throw_if_any();
  warn_of(report.warnings);
}

void running_application::state::compose_services() {
  auto registrations = std::move(definition->feature_services);
  registrations.add_reference<configuration>(around.configuration).add_reference<dispatcher>(dispatch);
  registrations.add_reference<metrics::registry>(metrics).add_reference<health::registry>(health);
  registrations.add_placed<unit_of_work>().add_placed<transaction>();
  registrations.add_reference<configuration_changes>(*changes);
  const auto client_options = read_client_options(around.configuration, around.neighbours);
  if (around.runtime) {
    client = std::make_unique<http::client>(*around.runtime, client_options);
    surroundings.client = client.get();
    for (const auto& each : around.neighbours) client->await_service(each);
    registrations.add_reference<http::client>(*client);
  }
  choose_resolver(definition->doors, client_options.type, surroundings);
  read_options(registrations);
  for (const auto& add : definition->registrations) add(registrations);
  for (auto& part : definition->modules) {
    for (const auto& add : part.registrations) add(registrations);
  }
  if (!registrations.has<logger>()) registrations.add_value(logger(definition->name));
  for (const auto& each : handlers.all()) {
    const std::string message(each->message->name);
    registrations.need({.message = message, .handler = each->name, .module = definition->name}, each->needs);
    if (each->check)
      registrations.need({.message = "the check of " + message, .module = definition->name, .has_placed = false}, each->check_needs);
    check_means(*each);
  }
  provider = std::make_unique<service_provider>(std::move(registrations));
  surroundings.provider = provider.get();
  for (const auto& each : handlers.all()) look_through(*each);
  while (std::ranges::any_of(handlers.all(), [this](const auto& each) { return opens_transaction_for_others(*each); })) {}
  if (!engines.store) refuse_sql("no_store", "but application " + definition->name + " has no store; add one, e.g. .add(mamey::sqlite())");
  std::vector<const collection*> stored;
  for (const auto& each : handlers.all()) stored.insert(stored.end(), each->collections.begin(), each->collections.end());
  check_tables(std::move(stored));
}

/// What a handler uses through its services counts as its own.
void running_application::state::look_through(handler_entry& handler) const {
  for (const auto* type : provider->reached_from(handler.needs)) {
    if (type == service_list<transaction>[0]) handler.interactive = true;
    if (!type->about) continue;
    const auto* const used = static_cast<const collection*>(type->about());
    if (std::ranges::find(handler.collections, used) == handler.collections.end()) handler.collections.push_back(used);
  }
  if (!handler.collections.empty() && !engines.store) {
    throw internal_error("no_store", "{} stores {}, but application {} has no store; add one, e.g. .add(mamey::sqlite())", handler.name,
                         handler.collections.front()->name, definition->name);
  }
}

/// What wins over all other configuration, before anything reads it.
void running_application::state::take_layers() {
  // A layer sees the defaults of the application, too.
  add_defaults(definition->settings, around.configuration);
  changes = std::make_unique<configuration_changes>(around.configuration);
  surroundings.changes = changes.get();
  load_layers(definition->doors, surroundings, around.configuration);
  listen_to_changes(definition->doors, *changes);
}

bool running_application::state::is_called_over_http(const handler_entry& handler) const {
  if (handler.kind == handler_kind::in_place) return true;
  return std::ranges::any_of(definition->modules, [&](const module_definition& part) {
    return std::ranges::any_of(
        part.endpoints, [&](const endpoint_definition& each) { return !each.in_place && each.message->key == handler.message->key; });
  });
}

/// What a handler asks for that every application can inject, but not every one has.
void running_application::state::check_means(const handler_entry& handler) const {
  const auto asks = [&](const service_type* type) { return std::ranges::find(handler.needs, type) != handler.needs.end(); };
  for (const auto* type : service_list<http::request, http::response>) {
    if (!asks(type)) continue;
    throw internal_error("not_injectable",
                         "{} asks for {}, which handlers do not see: a message takes from route, query and body what its members name, and "
                         "what the handler returns or throws is the answer; "
                         "for headers and cookies, ask for const mamey::request_headers& and mamey::answer_headers&",
                         handler.name, type->key->name);
  }
  for (const auto* type : service_list<request_headers, answer_headers>) {
    if (!asks(type) || is_called_over_http(handler)) continue;
    throw internal_error("not_injectable", "{} asks for {}, but no endpoint leads to {}: bind it with .get, .post, .put, .patch or .del",
                         handler.name, type->key->name, handler.message->name);
  }
  if (!engines.store && asks(service_list<delayed_messages>[0]))
    throw internal_error("no_store", "{} asks for delayed messages, but application {} has no store; add one, e.g. .add(mamey::sqlite())",
                         handler.name, definition->name);
  if (!definition->uses_messaging && asks(service_list<publisher>[0])) {
    throw internal_error("no_messaging", "{} asks for a publisher, but application {} has no messaging; add it: .add(mamey::messaging())",
                         handler.name, definition->name);
  }
  if (const auto told = raised_contracts(handler, handlers); !definition->uses_messaging && !told.empty()) {
    throw internal_error(
        "no_messaging",
        "{} saves {}, which raise {} for other services, but application {} has no messaging; add it: .add(mamey::messaging())",
        handler.name, told.front().by->name, told.front().event->name, definition->name);
  }
}

/// Handlers that ask for SQL, directly or by a service. The first one refuses the start.
void running_application::state::refuse_sql(std::string_view code, const std::string& reason) const {
  constexpr auto& sql = service_list<database, transaction>;
  for (const auto& each : handlers.all()) {
    for (const auto* need : each->needs) {
      const auto chain = provider->chain_to(*need, sql);
      if (!chain) continue;
      const bool is_direct = std::ranges::find(sql, need) != sql.end();
      throw error(error_kind::internal, std::string(code),
                  each->name + (is_direct ? " asks for a database, " : " asks for " + *chain + ", ") + reason);
    }
  }
}

/// A handler of a domain event runs in the unit of work of the handler that saves the aggregate. Whether that makes a difference.
bool running_application::state::opens_transaction_for_others(handler_entry& handler) const {
  if (handler.interactive || handler.only_reads) return false;
  for (const auto* stored : handler.collections) {
    if (!stored->base) continue;
    for (const auto* event : detail::raised_events(*stored->base)) {
      const auto& others = handlers.domain_handlers(*event->key);
      if (std::ranges::any_of(others, [](const handler_entry* each) { return each->interactive; })) return handler.interactive = true;
    }
  }
  return false;
}

void running_application::state::open_store() {
  if (!engines.store) return;
  opened_store = engines.store->open(surroundings);
  if (!opened_store->sql())
    refuse_sql("no_sql", "but the store " + engines.store->what.name + " of application " + definition->name +
                             " offers no SQL; use repositories or read models there, or add a store with SQL, e.g. .add(mamey::sqlite())");
  std::set<const collection*> collections;
  for (const auto& each : handlers.all()) collections.insert(each->collections.begin(), each->collections.end());
  const std::vector<const collection*> all(collections.begin(), collections.end());
  opened_store->prepare(all);
  health.add({.name = "store", .kinds = health::kind::readiness, .check = [this] {
                try {
                  opened_store->check();
                } catch (const unavailable& failure) {
                  if (failure.code() != "disk_nearly_full") throw;  // the rest is served
                  return health::result{health::status::degraded, failure.reason()};
                }
                return health::result{};
              }});
}

/// What stands in an outbox that nobody empties: counted once, then followed.
void running_application::state::show_unsent() {
  const auto found = opened_store->read_outbox_state().pending;
  shown.push_back(show_pending(metrics, [this, found] { return static_cast<double>(found) + static_cast<double>(runs->unsent()); }));
  if (found > 0)
    log.warning("{application} has no messaging, and {count} messages wait in its outbox; add it: .add(mamey::messaging())",
                definition->name, found);
}

void running_application::state::open_jobs() {
  if (declared_jobs.empty()) return;
  const job_runner_settings of_one_process{.longest_sleep = std::chrono::hours(1), .spread = std::chrono::milliseconds(0)};
  jobs = std::make_unique<job_runner>(*opened_store, *opened_store, std::move(declared_jobs),
                                      around.tested ? of_one_process : job_runner_settings{});
  std::ranges::move(show_jobs(metrics, *jobs), std::back_inserter(shown));
}

const handler_entry& running_application::state::handler_of(const module_definition& part, const endpoint_definition& endpoint) const {
  const auto* handler = endpoint.in_place ? endpoint.in_place.get() : handlers.command_or_query(*endpoint.message->key);
  if (handler) return *handler;
  throw internal_error("no_handler", "{} has an endpoint in {}, but no handler: list one with .commands<…>() or .queries<…>()",
                       endpoint.message->name, place_of(part.name));
}

void running_application::state::check_routes() {
  metrics::registry unseen;
  pipeline unused(*provider, handlers, nullptr, unseen, {});
  std::vector<web::route> declared;
  for (const auto& part : definition->modules) {
    for (const auto& each : part.endpoints)
      declared.push_back(make_route(each, handler_of(part, each), unused, part.name, settings.server.bodies_without_content_type));
  }
  const web::router without_conflicts(std::move(declared));
}

void running_application::state::check_messaging_options() const {
  if (!definition->uses_messaging) return;
  std::vector<violation> found;
  for (auto& each :
       problems_of(around.configuration.bind<outbox_options>("outbox"), around.configuration.bind<messaging_options>("messaging")))
    found.push_back({.path = "messaging", .code = "invalid", .message = std::move(each)});
  if (!found.empty()) throw validation_error(std::move(found), "invalid_messaging");
  failure_levels_of(*definition, handlers, around.configuration);
}

void running_application::state::build_routes() {
  std::vector<web::route> declared;
  std::vector<web::documented_endpoint> documented;
  for (const auto& part : definition->modules) {
    for (const auto& each : part.endpoints) {
      const auto* const handler = &handler_of(part, each);
      declared.push_back(make_route(each, *handler, *runs, part.name, settings.server.bodies_without_content_type));
      documented.push_back({.method = each.method,
                            .pattern = each.pattern,
                            .name = handler->message->name,
                            .group = part.name,
                            .input = handler->message->model,
                            .result = handler->result,
                            .status = each.how.status,
                            .has_location = !each.how.location.empty(),
                            .needs_user = handler->message->access.authenticated || handler->needs_user,
                            .needs_role = !handler->message->access.any_of.front().empty(),
                            .order_by = order_of(*handler)});
    }
  }
  auto own = make_feature_routes(definition->doors.routes, surroundings, settings.management);
  std::ranges::move(own.open, std::back_inserter(declared));
  std::ranges::move(documented_feature_routes(definition->doors.routes), std::back_inserter(documented));
  auto documentation = settings.documentation;
  const auto& title = settings.app.name.empty() ? definition->name : settings.app.name;
  if (documentation.title.empty()) documentation.title = title;
  if (documentation.version.empty()) documentation.version = settings.app.version.empty() ? "1.0.0" : settings.app.version;
  auto all = documentation_routes(documentation, documented, declared);
  auto taken = declared;
  taken.insert(taken.end(), all.begin(), all.end());
  std::ranges::move(framework_routes(framework(), title, taken), std::back_inserter(all));
  if (messages && settings.management.urls.empty())
    std::ranges::move(message_routes(*messages, jobs.get(), settings.management), std::back_inserter(all));
  std::ranges::move(declared, std::back_inserter(all));
  auto filters = make_filters(definition->doors.filters, surroundings);
  web::host_filter hosts(around.configuration);
  if (filters.empty())
    routes = std::make_unique<web::counted_router>(std::move(all), http_metrics, definition->name, std::move(hosts));
  else
    routes = std::make_unique<web::filtered_router>(std::move(all), http_metrics, definition->name, std::move(filters), std::move(hosts));
  build_management(std::move(own.of_management));
}

void running_application::state::build_management(std::vector<web::route> of_features) {
  if (!management) return;
  auto all = management_routes(framework());
  std::ranges::move(of_features, std::back_inserter(all));
  if (messages) std::ranges::move(message_routes(*messages, jobs.get(), settings.management), std::back_inserter(all));
  managed = std::make_unique<web::counted_router>(std::move(all), http_metrics, definition->name);
  management->answer_with(*managed);
}

std::optional<std::chrono::sys_seconds> running_application::state::certificate_expires() const {
  const auto expires = server->certificate_expires();
  return expires || !management ? expires : management->server().certificate_expires();
}

/// Who answers with an expired certificate is well and not reached: people have to know.
void running_application::state::watch_certificate() {
  if (!certificate_expires()) return;
  health.add({.name = "certificate", .kinds = health::kind::readiness, .check = [this] {
                const bool expired = certificate_expires().value_or(std::chrono::sys_seconds::max()) <= wall_now();
                return expired ? health::result{health::status::degraded, "the certificate of the https addresses has expired"}
                               : health::result{};
              }});
}

void running_application::start_management() {
  const speaking_as named(name());
  auto& self = *state_;
  if (!self.around.runtime || self.settings.management.urls.empty()) return;
  self.first_managed = std::make_unique<web::counted_router>(management_routes(self.framework()), self.http_metrics, name());
  self.management = std::make_unique<management_listener>(*self.around.runtime, self.settings.management, self.settings.server.tls);
  self.management->belongs_to(name());
  self.management->answer_with(*self.first_managed);
  self.management->start();
}

std::vector<web::endpoint> running_application::management_addresses() const {
  return state_->management ? state_->management->addresses() : std::vector<web::endpoint>{};
}

void running_application::prepare() {
  const speaking_as named(name());
  with_places(state_->around.configuration, [this] { open_and_build(); });
}

void running_application::open_and_build() {
  auto& self = *state_;
  self.outside.open(self.definition->doors, self.surroundings);
  log.info("{application} {engines}", name(), self.engines.in_words);
  self.open_store();
  for (const auto& [work, run] : self.definition->start_work) {
    log.debug("{application}: {work}", name(), work);
    run(self.surroundings);
  }
  self.runs = std::make_unique<pipeline>(*self.provider, self.handlers, self.opened_store.get(), self.metrics,
                                         pipeline_options{.outgoing = self.outgoing(),
                                                          .refuse_unreadable = self.settings.persistence.refuse_unreadable,
                                                          .refuses_unsaved_changes = self.around.tested,
                                                          .refuses_waits_in_transactions = self.around.tested,
                                                          .delayed = self.opened_store.get(),
                                                          .sends = self.definition->uses_messaging});
  if (self.opened_store && !self.definition->uses_messaging) self.show_unsent();
  self.dispatch.target = self.runs.get();
  self.provider->start();
  std::vector<behaviour*> behaviours;
  for (const auto& part : self.definition->modules) {
    for (const auto& find : part.behaviours) behaviours.push_back(&find(*self.provider));
  }
  self.runs->use(std::move(behaviours));
  if (self.definition->uses_messaging) {
    self.messages = std::make_unique<message_flow>(
        message_flow_parts{.around = self.surroundings,
                           .engines = self.engines,
                           .lifts = &self.definition->lifts,
                           .handlers = &self.handlers,
                           .runs = self.runs.get(),
                           .module_store = self.opened_store.get(),
                           .shared = self.around.shared_transport,
                           .names = self.settings.naming.names,
                           .failures = failure_levels_of(*self.definition, self.handlers, self.around.configuration),
                           .alone = self.around.tested});
    self.messages->endpoint().declare();
  }
  self.open_jobs();
  self.build_routes();
  warn_of(self.around.configuration.warnings(known_sections));
  const auto unmet = find_unmet(self.around.configuration);
  if (!unmet.not_in_effect.empty()) log.warning("{application}: asked for and not in effect: {settings}", name(), unmet.not_in_effect);
  if (!unmet.unread.empty())
    log.warning("{application}: nothing here reads these sections, which are enabled: {sections}", name(), unmet.unread);
}

void running_application::consume() {
  const speaking_as named(name());
  if (state_->messages) state_->messages->endpoint().start_consuming();
}

void running_application::start() {
  const speaking_as named(name());
  auto& self = *state_;
  if (self.messages) self.messages->endpoint().start_relay();
  if (self.around.runtime) {
    self.server = std::make_unique<web::http_server>(*self.around.runtime, self.settings.server, *self.routes);
    self.server->belongs_to(name());
    for (std::size_t i = 0; i < self.tls_of_urls.size(); ++i) self.server->use_tls(i, self.tls_of_urls[i]);
    self.server->start();
    self.watch_certificate();
    std::ranges::move(web::show_server(self.metrics, *self.server), std::back_inserter(self.shown));
    if (self.certificate_expires())
      self.shown.push_back(web::show_certificate(self.metrics, [&self] { return self.certificate_expires(); }));
    std::ranges::move(http::show_client(self.metrics, *self.client), std::back_inserter(self.shown));
    for (const auto& each : self.server->addresses()) self.surroundings.addresses.push_back(each.url());
  }
  self.health.set_started();
  self.background.start();
}

std::vector<web::endpoint> running_application::addresses() const {
  return state_->server ? state_->server->addresses() : std::vector<web::endpoint>{};
}

void running_application::set_neighbour(const std::string& neighbour, const std::string& url) {
  const auto& values = state_->around.configuration;
  const auto key = "httpClient:services:" + neighbour;
  const auto address = values.find(key) ? key : key + ":url";
  if (state_->client && (!values.find(address) || values.origin(address) == default_origin)) state_->client->set_service(neighbour, url);
}

void running_application::plan_shutdown(shutdown_plan& plan) {
  auto& self = *state_;
  const auto add = [&](shutdown_stage stage, std::string_view step, std::function<void()> run) {
    plan.add(stage, name() + ": " + std::string(step), [this, run = std::move(run)] {
      const speaking_as named(name());
      run();
    });
  };
  add(shutdown_stage::readiness_off, "not ready any more", [&self] { self.health.set_stopping(); });
  const auto bounded = [&self](const std::string& step, const std::function<void()>& run) {
    try {
      run_bounded(step, self.settings.shutdown.step_timeout, run);
    } catch (const deadline_exceeded& late) {
      self.still_used = self.still_used || late.code() == does_not_end;
      throw;
    }
  };
  for (const auto& each : self.definition->doors.stops)
    add(each.stage, each.name, [&self, &each, bounded] { bounded(each.name, [&] { each.work(self.surroundings); }); });
  add(shutdown_stage::drain_delay, "drain delay", [&self] {
    if (self.settings.shutdown.drain_delay.count() > 0) sleep_for(self.settings.shutdown.drain_delay);
  });
  if (self.server)
    add(shutdown_stage::stop_accepting, "no more connections", [&self] {
      self.server->stop_accepting();
      self.stopped_accepting_at = steady_now();
    });
  if (self.messages) add(shutdown_stage::cancel_consumers, "no more messages", [&self] { self.messages->endpoint().cancel_consumers(); });
  if (self.server)
    add(shutdown_stage::finish_in_flight, "finish requests", [&self] {
      // Those who keep a connection without using it (pools of clients, our own among them) would hold us up to the end; unlike those who are
      // in a request.
      const auto deadline = steady_now() + self.settings.shutdown.drain_timeout;
      self.server->drain(std::min(self.stopped_accepting_at + self.settings.shutdown.idle_grace, deadline));
      if (!self.server->drain(deadline))
        log.warning("requests were still unanswered after {timeout} ms", self.settings.shutdown.drain_timeout.count());
    });
  if (self.messages)
    add(shutdown_stage::finish_in_flight, "finish messages",
        [&self] { self.messages->endpoint().finish_in_flight(self.settings.shutdown.drain_timeout); });
  add(shutdown_stage::stop_relays, "stop work in the background", [&self] {
    const auto remaining = self.background.stop(self.settings.shutdown.drain_timeout);
    self.still_used = self.still_used || !remaining.empty();
    for (const auto& each : remaining)
      log.error("background work {work} has not ended, although it was cancelled {timeout} ms ago", each,
                self.settings.shutdown.drain_timeout.count());
  });
  if (self.messages)
    add(shutdown_stage::stop_relays, "stop the relay",
        [&self] { self.messages->endpoint().stop_relay(self.settings.shutdown.drain_timeout); });
  for (auto& each : self.outside.flush_steps()) add(shutdown_stage::flush, each.name, [each, bounded] { bounded(each.name, each.run); });
  add(shutdown_stage::close_pools, "close", [&self] {
    if (self.management) self.management->close();  // not earlier: an operator can watch the shutdown
    if (self.server) self.server->close();
    self.health.remove("certificate");
    if (!self.still_used) self.messages.reset();
    self.outside.close(std::chrono::seconds(2));
  });
}

bool running_application::handles(const message_info& message) const noexcept {
  return state_->handlers.command_or_query(*message.key) != nullptr;
}
bool running_application::is_subscribed(const message_info& command) const noexcept { return state_->handlers.is_subscribed(command); }
bool running_application::goes_to_own_exchange(const message_info& message) const {
  return names_of(unqualified(message.key->name), message.options, state_->settings.naming.names).exchange == own_exchange();
}
bool running_application::is_paused(std::string_view message_type) const {
  if (!state_->messages) return false;
  const auto all = state_->messages->endpoint().statistics().subscriptions;
  return std::ranges::any_of(
      all, [&](const subscription_statistics& each) { return each.name == message_type && each.state == subscription_state::paused; });
}

std::string running_application::own_exchange() const {
  const auto& names = state_->settings.naming.names;
  return in_casing(names.exchange, names.casing);
}

bool running_application::allows_unhandled() const noexcept { return state_->settings.app.allow_unhandled; }

web::handler& running_application::requests() noexcept { return *state_->routes; }
pipeline& running_application::handlers() noexcept { return *state_->runs; }
service_provider& running_application::provider() noexcept { return *state_->provider; }
store* running_application::module_store() noexcept { return state_->opened_store.get(); }

}  // namespace mamey::inline v1
