#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <mamey/application.hpp>
#include <mamey/cqrs/pipeline.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/host/running_application.hpp>
#include <mamey/http/client.hpp>
#include <mamey/observability/span.hpp>
#include <mamey/persistence/sqlite/store.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/shutdown.hpp>
#include <mamey/web/server.hpp>

namespace {

using namespace mamey;

struct Bought {
  static constexpr message_options message{.exchange = "shop"};
  int number = 0;
};
struct Buy {
  int number = 0;
};

int seen = 0;
std::string seen_trace;
std::map<std::string, std::string> seen_baggage;
void buy(const Buy& command, publisher& messages) {
  if (command.number < 0) throw domain_error("nothing", "nothing was bought");
  messages.publish(Bought{command.number});
}
void on_bought(const Bought& event) {
  seen = event.number;
  seen_trace = current_context().trace.trace_id_text();
  seen_baggage = current_context().baggage;
}

struct keeping_exporter final : tracing::span_exporter {
  std::vector<tracing::span_record> records;
  void take(tracing::span_record&& record) noexcept override { records.push_back(std::move(record)); }
  const tracing::span_record* find(std::string_view name) const {
    const auto found = std::ranges::find(records, name, &tracing::span_record::name);
    return found == records.end() ? nullptr : &*found;
  }
};

/// The application in simulated time; requests come without a server, in a context as the server makes it.
class traced : public ::testing::Test {
 protected:
  traced() { tracing::set_exporter(spans); }
  ~traced() override { tracing::set_exporter(nullptr); }

  void run(const std::function<void(running_application&)>& work) {
    simulated_runtime time;
    auto definition = application("shop")
                          .add(messaging())
                          .add(module("shop").commands<buy>().events<on_bought>().post<Buy>("/buy/{number}", accepted()))
                          .release();
    definition->use_store({.feature = "the test"}, [](const environment&) -> std::unique_ptr<store> {
      sqlite_options options;
      options.path = ":memory:";
      return std::make_unique<sqlite_store>(options,
                                            sqlite_environment{.clock = {}, .migrations = {}, .wait = sqlite_environment::waiting::block});
    });
    application_surroundings around{.system_loop = &time.loop(), .workers = {&time.loop()}};
    auto application = std::make_unique<running_application>(std::move(definition), std::move(around));
    time.run([&] {
      application->prepare();
      application->consume();
      application->start();
      work(*application);
      sleep_for(std::chrono::seconds(1));
      shutdown_plan plan;
      application->plan_shutdown(plan);
      plan.run([](std::string_view, const std::string&) {});
      application.reset();
    });
  }

  static void post(running_application& to, std::string_view target, const trace_context& caller,
                   std::map<std::string, std::string> baggage = {}) {
    const context_scope request({.correlation_id = "c", .trace = caller.child(), .baggage = std::move(baggage)});
    http::response response;
    auto asked = http::request::make(http_method::post, target, {}, "");
    to.requests().handle(asked, response);
  }

  std::shared_ptr<keeping_exporter> spans = std::make_shared<keeping_exporter>();
};

TEST_F(traced, a_request_its_command_and_the_event_s_handler_are_one_tree) {
  const auto caller = trace_context::make_root(true);
  run([&](running_application& shop) { post(shop, "/buy/7", caller); });
  const auto* request = spans->find("POST /buy/{number}");
  const auto* command = spans->find("buy");
  const auto* event = spans->find("on_bought");
  ASSERT_TRUE(request && command && event);
  EXPECT_EQ(request->kind, tracing::span_kind::server);
  EXPECT_EQ(request->service, "shop");
  EXPECT_EQ(request->place.parent, caller.span_id);
  EXPECT_EQ(command->place.parent, request->place.id);
  EXPECT_EQ(event->place.parent, command->place.id) << "the message carried the command's traceparent";
  EXPECT_EQ(event->kind, tracing::span_kind::consumer);
  for (const auto* each : {request, command, event}) EXPECT_EQ(each->place.trace, caller.trace_id);
  EXPECT_TRUE(command->error.empty());
}

TEST_F(traced, what_a_caller_wants_everybody_to_know_reaches_the_handler_of_the_event) {
  const std::map<std::string, std::string> baggage{{"tier", "gold, old; 100%"}, {"x", ""}};
  run([&](running_application& shop) { post(shop, "/buy/8", trace_context::make_root(), baggage); });
  EXPECT_EQ(seen, 8);
  EXPECT_EQ(seen_baggage, baggage);
}

TEST_F(traced, a_refused_command_is_a_failed_span) {
  run([&](running_application& shop) { post(shop, "/buy/-1", trace_context::make_root(true)); });
  ASSERT_TRUE(spans->find("buy"));
  EXPECT_EQ(spans->find("buy")->error, "nothing: nothing was bought");
  EXPECT_TRUE(spans->find("POST /buy/{number}")->error.empty()) << "the server did nothing wrong";
}

TEST_F(traced, without_sampling_nothing_is_recorded_and_the_trace_still_travels) {
  const auto caller = trace_context::make_root(false);
  seen = 0;
  run([&](running_application& shop) { post(shop, "/buy/8", caller); });
  EXPECT_TRUE(spans->records.empty());
  EXPECT_EQ(seen, 8);
  EXPECT_EQ(seen_trace, caller.trace_id_text());
}

// Over sockets: a request, the message that its command publishes, and the call that the event's handler makes.
struct Told {
  static constexpr message_options message{.exchange = "shop"};
  std::string whom;
};
struct Tell {
  std::string whom;
};
void tell(const Tell& command, publisher& messages) { messages.publish(Told{command.whom}); }
void on_told(const Told& event, http::client& others) { others.get(event.whom); }

struct recorder final : web::handler {
  void handle(http::request& request, http::response&) override {
    const std::lock_guard lock(guard);
    for (const auto& [name, value] : request.headers()) headers.emplace(name, value);
  }
  std::mutex guard;
  std::map<std::string, std::string> headers;
};

TEST(tracestate, goes_with_its_trace_from_a_request_through_the_bus_to_the_next_service) {
  runtime loops({.threads = 1});
  recorder next;
  web::http_server listener(loops, {.urls = {"http://127.0.0.1:0"}}, next);
  listener.start();
  const auto whom = listener.addresses().front().url();
  auto definition =
      application("shop").add(messaging()).add(module("shop").commands<tell>().events<on_told>().post<Tell>("/tell", accepted())).release();
  definition->use_store({.feature = "the test"}, [](const environment&) -> std::unique_ptr<store> {
    sqlite_options options;
    options.path = ":memory:";
    return std::make_unique<sqlite_store>(options,
                                          sqlite_environment{.clock = {}, .migrations = {}, .wait = sqlite_environment::waiting::block});
  });
  loops.run([&] {
    application_surroundings around{
        .runtime = &loops, .system_loop = &loops.system_loop(), .workers = {&loops.loop(0)}, .urls = {"http://127.0.0.1:0"}};
    running_application shop(std::move(definition), std::move(around));
    shop.prepare();
    shop.consume();
    shop.start();
    http::client client(loops, {});
    const auto answer = client.send({.method = http_method::post,
                                     .url = shop.addresses().front().url() + "/tell",
                                     .headers = {{"Content-Type", "application/json"},
                                                 {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"},
                                                 {"tracestate", "rojo=00f0, congo=t61"}},
                                     .body = R"({"whom":")" + whom + R"("})"});
    EXPECT_EQ(answer.status, 202);
    const auto until = steady_now() + std::chrono::seconds(60);
    const auto arrived = [&] {
      const std::lock_guard lock(next.guard);
      return !next.headers.empty();
    };
    while (!arrived() && steady_now() < until) sleep_for(std::chrono::milliseconds(5));
    shutdown_plan plan;
    shop.plan_shutdown(plan);
    plan.run([](std::string_view, const std::string&) {});
  });
  EXPECT_EQ(next.headers["traceparent"].substr(0, 36), "00-0af7651916cd43dd8448eb211c80319c-");
  EXPECT_EQ(next.headers["tracestate"], "rojo=00f0, congo=t61");
}

// Two services over sockets: the first calls the second.
struct Ask {
  std::string url;
};
struct Whose {};
struct Tenant {
  std::string name;
};

/// A service on a free port that answers until the test has ended.
class served {
 public:
  served(runtime& loops, application what, std::vector<std::pair<std::string, std::string>> settings) {
    application_surroundings around{
        .runtime = &loops, .system_loop = &loops.system_loop(), .workers = {&loops.loop(0)}, .urls = {"http://127.0.0.1:0"}};
    for (const auto& [key, value] : settings) around.configuration.set(key, value, "the test");
    running_ = std::make_unique<running_application>(std::move(what).release(), std::move(around));
    running_->prepare();
    running_->consume();
    running_->start();
  }
  ~served() {
    shutdown_plan plan;
    running_->plan_shutdown(plan);
    plan.run([](std::string_view, const std::string&) {});
  }
  served(const served&) = delete;
  served& operator=(const served&) = delete;
  std::string url() const { return running_->addresses().front().url(); }

 private:
  std::unique_ptr<running_application> running_;
};

/// Sets the tenant from a header of its own, as a feature that has verified a token would.
void sign_in(http::request& request, http::response&, const next_step& next) {
  if (const auto token = request.header("X-Token")) current_context().tenant = "of " + std::string(*token);
  next();
}

TEST(tenant, goes_from_service_to_service_and_no_client_can_set_it) {
  runtime loops({.threads = 1});
  loops.run([&] {
    const auto whose = [](const Whose&) { return Tenant{current_context().tenant}; };
    served inner(loops, application("inner").get("/whose", whose), {{"server:trustTenantFrom:0", "127.0.0.0/8"}});
    served outer(loops,
                 application("outer")
                     .filter(request_stage::tenant, "sign in", sign_in)
                     .get("/ask", [](const Ask& asked, http::client& others) { return others.get_json<Tenant>(asked.url + "/whose"); })
                     .get("/whose", whose),
                 {});
    http::client client(loops, {});
    const auto ask = [&](std::vector<std::pair<std::string, std::string>> headers) {
      return client.get_json<Tenant>(outer.url() + "/ask?url=" + inner.url(), {.headers = std::move(headers)}).name;
    };
    EXPECT_EQ(ask({{"X-Token", "ann"}}), "of ann") << "a feature set it, and the call to the next service carries it";
    EXPECT_EQ(ask({{"X-TENANT-ID", "acme"}}), "") << "a hostile client cannot set it here, nor at the next service";
    EXPECT_EQ(ask({{"X-TENANT-ID", "acme"}, {"X-Token", "ann"}}), "of ann");
    const auto direct = [&](const served& at, std::vector<std::pair<std::string, std::string>> headers) {
      return client.get_json<Tenant>(at.url() + "/whose", {.headers = std::move(headers)}).name;
    };
    EXPECT_EQ(direct(outer, {{"X-TENANT-ID", "acme"}}), "");
    EXPECT_EQ(direct(inner, {{"X-TENANT-ID", "acme"}}), "acme") << "a caller at an address that is trusted";
    EXPECT_EQ(direct(inner, {{"X-TENANT-ID", "acme"}, {"X-Forwarded-For", "203.0.113.7"}}), "") << "a proxy there";
  });
}

}  // namespace
