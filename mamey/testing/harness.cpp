#include <mamey/testing/harness.hpp>

#include <algorithm>
#include <stdexcept>

#include <mamey/core/json.hpp>
#include <mamey/core/text.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/cqrs/pipeline.hpp>
#include <mamey/host/application.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/host/running_application.hpp>
#include <mamey/messaging/error_operations.hpp>
#include <mamey/messaging/message_headers.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/persistence/sqlite/store.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/shutdown.hpp>
#include <mamey/runtime/sync.hpp>
#include <mamey/testing/recording_transport.hpp>

namespace mamey::inline v1::testing {
namespace {

const logger log{"mamey.testing"};

std::unique_ptr<store> open_memory_store(event_loop& loop, std::vector<sql_migration> migrations = {}) {
  sqlite_options options;
  options.path = ":memory:";
  return std::make_unique<sqlite_store>(options, sqlite_environment{.clock = [&loop] { return loop.wall_now(); },
                                                                    .migrations = std::move(migrations),
                                                                    .wait = sqlite_environment::waiting::block,
                                                                    .cuts_times = true});
}

/// As many of the steps as SQLite understands, from the first. They were written for another database.
std::vector<sql_migration> understood(event_loop& loop, const std::vector<sql_migration>& all, const std::string& feature) {
  std::vector<sql_migration> some;
  for (const auto& each : all) {
    some.push_back(each);
    try {
      open_memory_store(loop, some)->prepare({});
    } catch (const error& failure) {
      log.warning(
          "the harness stores in SQLite, which does not understand what {feature} is given: its tables are there up to the step before. "
          "{reason}",
          feature, failure.reason());
      some.pop_back();
      break;
    }
  }
  return some;
}

/// In the place of the application's own store.
std::unique_ptr<store> open_in_place_of(const engine& own, const environment& around) {
  std::vector<sql_migration> migrations;
  for (const auto& each : own.migrations) migrations.push_back({.version = each.version, .name = each.name, .sql = each.sql});
  const auto folder = own.migrations_setting.empty() ? std::nullopt : around.configuration->find(own.migrations_setting);
  migrations = collect_migrations(std::move(migrations), folder.value_or(std::string()));
  if (own.name != "sqlite") migrations = understood(*around.system_loop, migrations, own.feature);
  return open_memory_store(*around.system_loop, std::move(migrations));
}

/// The store that the application has where nothing is configured.
engine own_store(const application_definition& of) {
  const auto always = std::ranges::find_if(of.stores, [](const auto& each) { return each.what.use == engine_use::always; });
  return always != of.stores.end() ? always->what : of.stores.front().what;
}

/// A store with threads of its own would see the virtual time jump while they work.
void expect_server(const application_definition& of) {
  const auto is_file = [](const auto& each) { return each.what.name == "sqlite"; };
  if (!of.stores.empty() && std::ranges::all_of(of.stores, is_file))
    throw std::logic_error(
        "keep_store is for a store on a server: without it, the harness runs on SQLite already, with the migrations of mamey::sqlite()");
}

constexpr std::string_view host_field = "Host", content_type_field = "Content-Type";

std::vector<http::header_field> fields_of(const header_list& given) {
  std::vector<http::header_field> fields;
  const auto has = [&](std::string_view name) {
    return std::ranges::any_of(given, [&](const auto& each) { return equal_ignoring_case(each.first, name); });
  };
  if (!has(host_field)) fields.push_back({host_field, "test"});
  if (!has(content_type_field)) fields.push_back({content_type_field, "application/json"});
  for (const auto& [name, value] : given) fields.push_back({name, value});
  return fields;
}

/// Of lines `Name: value\r\n`.
header_list fields_in(std::string_view text) {
  header_list fields;
  for (std::size_t end = 0; !text.empty(); text.remove_prefix(end + 2)) {
    end = text.find("\r\n");
    const auto colon = text.find(": ");
    fields.emplace_back(text.substr(0, colon), text.substr(colon + 2, end - colon - 2));
  }
  return fields;
}

}  // namespace

struct harness::state {
  simulated_runtime runtime;
  std::unique_ptr<application_definition> definition;
  configuration settings;
  std::shared_ptr<recording_transport> bus = std::make_shared<recording_transport>();
  std::unique_ptr<running_application> running;
  std::shared_ptr<const principal> user;
  bool keeps_store = false;
  mutable std::vector<published_message> shown;
  std::size_t seen_published = 0;  ///< of `bus->published()`

  explicit state(std::unique_ptr<application_definition> what) : definition(std::move(what)) {}

  /// Everything the product starts but server and client.
  void start() {
    if (running) return;
    if (keeps_store) expect_server(*definition);
    if (!definition->stores.empty() && !keeps_store) {
      auto own = own_store(*definition);
      definition->stores.clear();
      definition->stores.push_back({.what = {.name = "harness", .feature = "the test harness"},
                                    .open = [own = std::move(own)](const environment& here) { return open_in_place_of(own, here); }});
    }
    definition->queues.clear();
    definition->transports.clear();
    application_surroundings around{.system_loop = &runtime.loop(),
                                    .workers = {&runtime.loop()},
                                    .configuration = settings.clone(),
                                    .shared_transport = bus,
                                    .tested = true};
    const auto compose = [&] { running = std::make_unique<running_application>(std::move(definition), std::move(around)); };
    if (definition->doors.layers.empty())
      compose();
    else
      runtime.run(compose);  // a layer may wait
    runtime.run([&] {
      running->prepare();
      running->consume();
      running->start();
    });
    settle(std::chrono::milliseconds(1));  // the consumers come to their queues
  }

  /// Lets what runs beside the test come to rest. To the test no time has passed.
  void settle(std::chrono::milliseconds span) {
    runtime.advance(span);
    runtime.jump_wall_clock(-span);
  }

  store& error_store() {
    auto* const found = running->module_store();
    if (!found) throw std::logic_error("the application has no store, and without one no error store: add one, e.g. .add(mamey::sqlite())");
    return *found;
  }

  /// In the product it would be refused, tried again and parked.
  void refuse_commands_to_nobody() {
    const auto& own = running->own_exchange();
    for (const auto& all = bus->published(); seen_published < all.size();) {
      const auto& each = all[seen_published++];
      if (!is_command(each) || each.exchange != own || bus->has_queue_for(each)) continue;
      throw internal_error("no_handler",
                           "{} was sent to the exchange {} of the application itself, which does not take it from the bus: list its "
                           "handler with .commands<…>() and say .subscribes<{}>(), or name the "
                           "exchange of the service that takes it",
                           each.type, own, each.type);
    }
  }

  /// Runs `work` in a fiber and context of its own, then lets the outbox send what it committed.
  void perform(const std::function<void()>& work) {
    start();
    std::exception_ptr failure;
    runtime.run([&] {
      const context_scope fresh({.correlation_id = uuid::v7().to_compact_string(), .user = user});
      try {
        work();
      } catch (...) {
        failure = std::current_exception();
      }
    });
    settle(std::chrono::milliseconds(20));
    if (failure) std::rethrow_exception(failure);
    refuse_commands_to_nobody();
  }

  http_answer request(http_method method, std::string_view target, std::string_view body, const header_list& given) {
    http::response response;
    const auto headers = fields_of(given);
    perform([&] {
      auto request = http::request::make(method, target, headers, body);
      running->requests().handle(request, response);
    });
    http_answer answer{.status = response.status(),
                       .content_type = std::string(response.content_type()),
                       .location = std::string(response.header("Location").value_or("")),
                       .body = {},
                       .headers = {}};
    if (method != http_method::head) answer.body = std::move(response.body());
    answer.headers = fields_in(response.headers().text());
    return answer;
  }
};

std::optional<std::string> http_answer::header(std::string_view name) const {
  if (equal_ignoring_case(name, content_type_field)) return content_type.empty() ? std::nullopt : std::optional(content_type);
  const auto found = std::ranges::find_if(headers, [&](const auto& each) { return equal_ignoring_case(each.first, name); });
  return found == headers.end() ? std::nullopt : std::optional(found->second);
}

harness::harness(module what) : harness(application("test").add(std::move(what))) {}
harness::harness(application what) : state_(std::make_unique<state>(std::move(what).release())) {
  auto& definition = *state_->definition;
  definition.throw_if_refused();
  if (!definition.stores.empty() || definition.uses_messaging) return;
  // Modules put together for the test, not what will run.
  definition.uses_messaging = true;
  definition.stores.push_back({.what = {.name = "harness", .feature = "the test harness"}, .open = {}});
}

harness::~harness() {
  if (!state_->running) return;
  try {
    state_->runtime.run([&] {
      shutdown_plan plan;
      state_->running->plan_shutdown(plan);
      plan.run([](std::string_view, const std::string&) {});
      state_->running.reset();
    });
  } catch (const std::logic_error& endless) {  // `advance` has already reported it, and the test is over
    log.warning("the harness could not stop in order: {reason}", endless.what());
  }
}

void harness::configure(std::function<void(services&)> change) {
  if (state_->running) throw std::logic_error("the harness has started: replace services before the first message");
  // After those of the modules, so that it wins over them.
  state_->definition->modules.emplace_back().registrations.push_back(std::move(change));
}

void harness::keep_store() {
  if (state_->running) throw std::logic_error("keep_store comes before the first message");
  state_->keeps_store = true;
}

void harness::set(std::string key, std::string value) {
  if (state_->running) throw std::logic_error("the harness has started: configure it before the first message");
  state_->settings.set(key, value, "the test");
}
void harness::load(const std::string& file) { state_->settings.add_file(file); }

void harness::act_as(std::optional<principal> user) { state_->user = user ? std::make_shared<const principal>(std::move(*user)) : nullptr; }

void harness::dispatch(const message_info& message, const void* object, const result_sink& sink) {
  state_->perform([&] { state_->running->handlers().dispatch(message, object, sink); });
}

void harness::deliver(recorded_message message, std::string message_id, std::string correlation_id) {
  state_->perform([&] {
    auto sent = make_envelope(message, state_->running->handlers().options().outgoing);
    if (!message_id.empty()) sent.id = std::move(message_id);
    if (!correlation_id.empty()) sent.correlation_id = std::move(correlation_id);
    semaphore settled(0);
    auto again = std::chrono::milliseconds(-1);
    bool redelivered = false;
    do {
      again = std::chrono::milliseconds(-1);
      const auto queues = state_->bus->deliver(sent, redelivered, [&](std::chrono::milliseconds delay) {
        again = std::max(again, delay);
        settled.release();
      });
      if (queues == 0 && state_->running->is_paused(sent.type)) {
        if (redelivered) return;
        throw std::logic_error("the subscription to " + sent.type + " is paused, as a rule for failures asks for: resume it first");
      }
      if (queues == 0)
        throw std::logic_error("nobody in this module handles " + sent.type + " from exchange " + sent.exchange + " with key " +
                               sent.routing_key);
      for (std::size_t i = 0; i < queues; ++i) settled.acquire();
      redelivered = true;
      if (again.count() >= 0 && state_->running->is_paused(sent.type)) return;  // on the bus it would wait
      if (again.count() >= 0) sleep_for(again);
    } while (again.count() >= 0);
  });
}

const std::vector<published_message>& harness::published_messages() const {
  state_->shown.clear();
  for (const auto& each : state_->bus->published()) {
    state_->shown.push_back({.type = each.type,
                             .id = each.id,
                             .correlation_id = each.correlation_id,
                             .exchange = each.exchange,
                             .routing_key = each.routing_key,
                             .key = each.key,
                             .body = each.body});
  }
  return state_->shown;
}

std::vector<failed_message> harness::failed() {
  std::vector<failed_message> failures;
  state_->perform([&] {
    for (const auto& each : state_->error_store().list_errors(0, 1000)) {
      failures.push_back({.handler = each.key.subscription,
                          .type = each.message.type,
                          .error_code = each.error_code,
                          .error_reason = each.error_reason,
                          .id = each.id,
                          .message_id = each.message.id,
                          .body = each.message.body,
                          .attempts = each.attempts});
    }
  });
  return failures;
}

void harness::retry(std::string_view id) {
  state_->perform([&] { error_operations(state_->error_store()).retry(id); });
}
void harness::discard(std::string_view id) {
  state_->perform([&] { error_operations(state_->error_store()).discard(id); });
}

http_answer harness::request(http_method method, std::string_view target, std::string_view body, const header_list& headers) {
  return state_->request(method, target, body, headers);
}
http_answer harness::get(std::string_view target, const header_list& headers) { return request(http_method::get, target, {}, headers); }
http_answer harness::head(std::string_view target, const header_list& headers) { return request(http_method::head, target, {}, headers); }
http_answer harness::post(std::string_view target, std::string_view json, const header_list& headers) {
  return request(http_method::post, target, json, headers);
}
http_answer harness::put(std::string_view target, std::string_view json, const header_list& headers) {
  return request(http_method::put, target, json, headers);
}
http_answer harness::patch(std::string_view target, std::string_view json, const header_list& headers) {
  return request(http_method::patch, target, json, headers);
}
http_answer harness::del(std::string_view target, const header_list& headers) { return request(http_method::del, target, {}, headers); }

timestamp harness::now() const { return std::chrono::time_point_cast<timestamp::duration>(state_->runtime.loop().wall_now()); }

void harness::start_at(timestamp time) {
  if (state_->running)
    throw std::logic_error("the harness has started: set its clock before the first message, and let time pass with advance(…) then");
  state_->runtime.jump_wall_clock(std::chrono::duration_cast<std::chrono::microseconds>(time - now()));
}

void harness::advance(std::chrono::nanoseconds span) {
  state_->start();
  state_->runtime.advance(span);
  state_->refuse_commands_to_nobody();
}

void harness::read_json(const std::string& text, const type_model& model, void* object) {
  if (auto wrong = json::read(text, model, object); !wrong.empty()) throw validation_error(std::move(wrong));
}

}  // namespace mamey::inline v1::testing
