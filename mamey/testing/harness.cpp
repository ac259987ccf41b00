#include <mamey/testing/harness.hpp>

#include <stdexcept>

#include <mamey/core/json.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/cqrs/pipeline.hpp>
#include <mamey/host/application.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/host/running_application.hpp>
#include <mamey/persistence/sqlite/store.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/shutdown.hpp>
#include <mamey/runtime/sync.hpp>
#include <mamey/testing/recording_transport.hpp>

namespace mamey::inline v1::testing {
namespace {

std::unique_ptr<store> open_memory_store(event_loop& loop) {
  sqlite_options options;
  options.path = ":memory:";
  return std::make_unique<sqlite_store>(options, sqlite_environment{.clock = [&loop] { return loop.wall_now(); }, .migrations = {}, .wait = sqlite_environment::waiting::block});
}

}  // namespace

struct harness::state {
  simulated_runtime runtime;
  std::unique_ptr<application_definition> definition;
  configuration settings;
  std::shared_ptr<recording_transport> bus = std::make_shared<recording_transport>();
  std::unique_ptr<running_application> running;
  std::shared_ptr<const principal> user;
  mutable std::vector<published_message> shown;

  explicit state(std::unique_ptr<application_definition> what) : definition(std::move(what)) {}

  /// Everything the product starts but server and client.
  void start() {
    if (running) return;
    definition->stores.clear();
    definition->stores.push_back({.what = {.name = "harness", .feature = "the test harness"}, .open = [this](const environment&) { return open_memory_store(runtime.loop()); }});
    definition->queues.clear();
    definition->transports.clear();
    definition->uses_messaging = true;
    application_surroundings around{.system_loop = &runtime.loop(), .workers = {&runtime.loop()}, .configuration = settings.clone(), .shared_transport = bus};
    running = std::make_unique<running_application>(std::move(definition), std::move(around));
    runtime.run([&] {
      running->prepare();
      running->consume();
      running->start();
    });
    runtime.advance(std::chrono::milliseconds(1));  // the consumers come to their queues
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
    runtime.advance(std::chrono::milliseconds(20));
    if (failure) std::rethrow_exception(failure);
  }

  http_answer request(http_method method, std::string_view target, std::string_view body) {
    http::response response;
    const std::vector<http::header_field> headers{{"Host", "test"}, {"Content-Type", "application/json"}};
    perform([&] {
      auto request = http::request::make(method, target, headers, body);
      running->requests().handle(request, response);
    });
    return {.status = response.status(), .content_type = std::string(response.content_type()), .location = std::string(response.header("Location").value_or("")), .body = response.body()};
  }
};

harness::harness(module what) : harness(application("test").add(std::move(what))) {}
harness::harness(application what) : state_(std::make_unique<state>(std::move(what).release())) {}

harness::~harness() {
  if (!state_->running) return;
  state_->runtime.run([&] {
    shutdown_plan plan;
    state_->running->plan_shutdown(plan);
    plan.run([](std::string_view, const std::string&) {});
    state_->running.reset();
  });
}

void harness::configure(std::function<void(services&)> change) {
  if (state_->running) throw std::logic_error("the harness has started: replace services before the first message");
  // After those of the modules, so that it wins over them.
  state_->definition->modules.emplace_back().registrations.push_back(std::move(change));
}

void harness::set(std::string key, std::string value) {
  if (state_->running) throw std::logic_error("the harness has started: configure it before the first message");
  state_->settings.set(key, value, "the test");
}

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
      if (queues == 0) throw std::logic_error("nobody in this module handles " + sent.type + " from exchange " + sent.exchange + " with key " + sent.routing_key);
      for (std::size_t i = 0; i < queues; ++i) settled.acquire();
      redelivered = true;
      if (again.count() >= 0) sleep_for(again);
    } while (again.count() >= 0);
  });
}

const std::vector<published_message>& harness::published_messages() const {
  state_->shown.clear();
  for (const auto& each : state_->bus->published()) {
    state_->shown.push_back({.type = each.type, .id = each.id, .correlation_id = each.correlation_id, .exchange = each.exchange, .routing_key = each.routing_key, .key = each.key, .body = each.body});
  }
  return state_->shown;
}

std::vector<failed_message> harness::failed() {
  std::vector<failed_message> failures;
  state_->perform([&] {
    for (const auto& each : state_->running->module_store()->list_errors(0, 1000)) {
      failures.push_back({.handler = each.key.subscription, .type = each.message.type, .error_code = each.error_code, .error_reason = each.error_reason});
    }
  });
  return failures;
}

http_answer harness::get(std::string_view target) { return state_->request(http_method::get, target, {}); }
http_answer harness::post(std::string_view target, std::string_view json) { return state_->request(http_method::post, target, json); }
http_answer harness::put(std::string_view target, std::string_view json) { return state_->request(http_method::put, target, json); }
http_answer harness::del(std::string_view target) { return state_->request(http_method::del, target, {}); }

void harness::advance(std::chrono::nanoseconds span) {
  state_->start();
  state_->runtime.advance(span);
}

void harness::read_json(const std::string& text, const type_model& model, void* object) {
  if (auto wrong = json::read(text, model, object); !wrong.empty()) throw validation_error(std::move(wrong));
}

}  // namespace mamey::inline v1::testing
