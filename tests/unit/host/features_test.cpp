#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <mamey/application.hpp>
#include <mamey/core/error.hpp>
#include <mamey/feature/composition.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/http/message.hpp>
#include <mamey/observability/health.hpp>
#include <mamey/observability/logging.hpp>
#include <mamey/observability/metrics.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/testing/harness.hpp>

namespace {

using namespace mamey;
using namespace std::chrono_literals;

/// A feature made of what it does at the doors.
struct feature {
  std::function<void(composition&)> does;
  void install(composition& into) const { does(into); }
};

struct Mine {
  static constexpr auto access() { return requires_role("admin"); }
};
struct Open {};
struct Taken {};
struct Word {
  std::string text;
};

application shop() {
  return application("shop")
      .get("/mine", [](const Mine&) { return Word{current_context().user->id + "/" + current_context().tenant}; })
      .get("/open", [](const Open&) { return Word{"open"}; })
      .get("/taken", [](const Taken&) -> Word { throw conflict("taken", "it is taken"); });
}

application shop_with(std::function<void(composition&)> does) { return shop().add(feature{std::move(does)}); }

request_filter note(std::shared_ptr<std::string> into, std::string name) {
  return [into, name](http::request&, http::response&, const next_step& next) {
    *into += "<" + name;
    next();
    *into += name + ">";
  };
}

void authenticate(http::request& request, http::response&, const next_step& next) {
  if (const auto user = request.header("X-User"))
    current_context().user =
        std::make_shared<principal>(principal{.id = std::string(*user), .roles = {std::string(request.header("X-Role").value_or(""))}});
  next();
}

std::string code_of(const mamey::testing::http_answer& answer) {
  const auto begin = answer.body.find("\"code\":\"") + 8;
  return answer.body.substr(begin, answer.body.find('"', begin) - begin);
}

std::string refusal_of(application what) {
  try {
    mamey::testing::harness tested{std::move(what)};
    tested.get("/open");
  } catch (const std::exception& refused) {
    return refused.what();
  }
  return {};
}

TEST(features, a_filter_says_who_asks_and_access_rules_answer_401_403_and_200) {
  mamey::testing::harness tested{shop_with([](composition& into) {
    into.filter_requests(request_stage::tenant, "tenant", [](const environment&) -> request_filter {
      return [](http::request&, http::response&, const next_step& next) {
        current_context().tenant = "of " + (current_context().user ? current_context().user->id : std::string());
        next();
      };
    });
    into.filter_requests(request_stage::authenticate, "header", [](const environment&) { return authenticate; });
  })};
  EXPECT_EQ(tested.get("/mine").status, 401);
  EXPECT_EQ(tested.get("/mine", {{"X-User", "bob"}}).status, 403);
  const auto answer = tested.get("/mine", {{"X-User", "ann"}, {"X-Role", "admin"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"text":"ann/of ann"})") << "the tenant's filter stands inside of that of the user";
  EXPECT_EQ(tested.get("/mine").status, 401) << "nobody inherits the user of another request";
}

TEST(features, filters_stand_by_their_stages_and_then_in_the_order_of_registration) {
  const auto seen = std::make_shared<std::string>();
  const auto add = [seen](composition& into, request_stage stage, const std::string& name) {
    into.filter_requests(stage, name, [seen, name](const environment&) { return note(seen, name); });
  };
  mamey::testing::harness tested{shop_with([&](composition& into) {
    add(into, request_stage::innermost, "e");
    add(into, request_stage::authenticate, "c");
    add(into, request_stage::observe, "a");
    add(into, request_stage::authenticate, "d");
    add(into, request_stage::protect, "b");
  })};
  tested.get("/open");
  EXPECT_EQ(*seen, "<a<b<c<d<ee>d>c>b>a>");
  seen->clear();
  EXPECT_EQ(tested.get("/ping").body, "pong");
  EXPECT_EQ(*seen, "<a<b<c<d<ee>d>c>b>a>") << "pages of the framework are requests, too";
}

TEST(features, a_filter_sees_and_marks_every_answer_errors_included) {
  mamey::testing::harness tested{shop_with([](composition& into) {
    into.filter_requests(request_stage::protect, "mark", [](const environment&) -> request_filter {
      return [](http::request&, http::response& response, const next_step& next) {
        next();
        response.set_header("X-Mark", std::to_string(response.status()));
      };
    });
    into.filter_requests(request_stage::authenticate, "strict", [](const environment&) -> request_filter {
      return [](http::request& request, http::response&, const next_step& next) {
        if (request.path() == "/strict") throw unauthorized("no_token", "a token is needed");
        if (request.path() == "/torn") throw std::runtime_error("torn");
        next();
      };
    });
  })};
  EXPECT_EQ(tested.get("/open").header("X-Mark"), "200");
  EXPECT_EQ(tested.get("/taken").header("X-Mark"), "409");
  EXPECT_EQ(tested.get("/nowhere").header("X-Mark"), "404");
  EXPECT_EQ(tested.get("/mine").header("X-Mark"), "401");
  EXPECT_EQ(tested.get("/torn").header("X-Mark"), "500");
  const auto refused = tested.get("/strict");
  EXPECT_EQ(refused.header("X-Mark"), "401");
  EXPECT_EQ(code_of(refused), "no_token");
}

TEST(features, an_early_answer_ends_the_way_and_is_counted_under_its_filter) {
  const auto reached = std::make_shared<std::string>();
  mamey::testing::harness tested{shop_with([&](composition& into) {
    into.filter_requests(request_stage::protect, "early", [](const environment&) -> request_filter {
      return [](http::request& request, http::response& response, const next_step& next) {
        if (request.path() == "/open")
          response.set_status(204);
        else
          next();
      };
    });
    into.filter_requests(request_stage::innermost, "inside", [reached](const environment&) { return note(reached, "i"); });
  })};
  EXPECT_EQ(tested.get("/open").status, 204);
  EXPECT_EQ(*reached, "");
  const auto metrics = tested.get("/metrics").body;
  EXPECT_NE(metrics.find(R"(http_requests_received_total{code="204",method="GET",controller="filter",action="early"} 1)"),
            std::string::npos)
      << metrics;
}

TEST(features, next_a_second_time_is_refused_and_the_handler_runs_once) {
  const auto runs = std::make_shared<int>(0);
  mamey::testing::harness tested{application("shop")
                                     .get("/open",
                                          [runs](const Open&) {
                                            ++*runs;
                                            return Word{"open"};
                                          })
                                     .add(feature{[](composition& into) {
                                       into.filter_requests(request_stage::observe, "twice", [](const environment&) -> request_filter {
                                         return [](http::request&, http::response&, const next_step& next) {
                                           next();
                                           next();
                                         };
                                       });
                                     }})};
  EXPECT_EQ(tested.get("/open").status, 500);
  EXPECT_EQ(*runs, 1);
}

TEST(features, a_route_is_behind_its_guard_and_in_the_document_when_it_is_meant_to_be) {
  const auto page = [](const std::string& text) {
    return [text](const environment& around) -> request_function {
      return [text = around.application + " " + text](http::request&, http::response& response) { response.set_body("text/plain", text); };
    };
  };
  mamey::testing::harness tested{shop_with([&](composition& into) {
    into.filter_requests(request_stage::authenticate, "header", [](const environment&) { return authenticate; });
    into.add_route({.pattern = "/page/{name}", .name = "page", .make = page("page"), .documented = true});
    into.add_route({.method = http_method::post,
                    .pattern = "/hidden",
                    .name = "hidden",
                    .make = page("hidden"),
                    .guard = {.access = requires_role("admin")}});
    into.add_route({.pattern = "/operator", .name = "operator", .make = page("operator"), .guard = {.management_only = true}});
    into.add_route({.pattern = "/ping", .name = "ping", .make = page("ping")});
  })};
  tested.set("management:apiKey", "k");
  EXPECT_EQ(tested.get("/page/x").body, "shop page");
  EXPECT_EQ(tested.post("/hidden").status, 401);
  EXPECT_EQ(tested.post("/hidden", "", {{"X-User", "bob"}}).status, 403);
  EXPECT_EQ(tested.post("/hidden", "", {{"X-User", "ann"}, {"X-Role", "admin"}}).body, "shop hidden");
  EXPECT_EQ(tested.get("/operator").status, 401);
  EXPECT_EQ(tested.get("/operator", {{"X-Api-Key", "k"}}).body, "shop operator");
  EXPECT_EQ(tested.get("/ping").body, "shop ping") << "it takes the place of the framework's";
  const auto document = tested.get("/openapi.json").body;
  EXPECT_NE(document.find("/page/{name}"), std::string::npos);
  EXPECT_EQ(document.find("/hidden"), std::string::npos);
  EXPECT_NE(tested.get("/metrics").body.find(R"(handler="/page/{name}")"), std::string::npos);
}

TEST(features, a_route_at_the_pattern_of_a_module_is_refused_naming_both) {
  const auto said =
      refusal_of(application("shop")
                     .add(mamey::module("doors").get("/open", [](const Open&) { return Word{"open"}; }))
                     .add(feature{[](composition& into) {
                       into.add_route({.pattern = "/open", .name = "acme page", .make = [](const environment&) -> request_function {
                                         return [](http::request&, http::response&) {};
                                       }});
                     }}));
  EXPECT_NE(said.find("module doors"), std::string::npos) << said;
  EXPECT_NE(said.find("feature route acme page"), std::string::npos) << said;
}

TEST(features, what_is_incomplete_or_doubled_is_refused_with_its_name) {
  const auto filter = [](const environment&) { return authenticate; };
  EXPECT_EQ(refusal_of(shop_with([&](composition& into) {
              into.filter_requests(request_stage::observe, "who", filter);
              into.filter_requests(request_stage::tenant, "Who", filter);
            })),
            "application shop has a filter called who already: give this one another name");
  EXPECT_EQ(refusal_of(shop_with([](composition& into) { into.filter_requests(request_stage::observe, "none", nullptr); })),
            "the filter none of application shop has no function");
  EXPECT_EQ(refusal_of(shop_with([](composition& into) {
              into.filter_requests(request_stage::observe, "none", [](const environment&) { return request_filter(); });
            })),
            "the filter none has made no function");
  EXPECT_EQ(refusal_of(shop_with([](composition& into) { into.add_route({.pattern = "/x", .name = "x"}); })),
            "the route /x of application shop has no function");
  EXPECT_EQ(refusal_of(shop_with([](composition& into) {
              const auto all = [](const environment&) -> tracing::root_sampler { return [](const tracing::new_root&) { return true; }; };
              into.sample_roots("one", all);
              into.sample_roots("two", all);
            })),
            "application shop has the sampler one already; two would be a second one");
}

TEST(features, background_work_that_fails_begins_again_and_is_seen_meanwhile) {
  const auto runs = std::make_shared<int>(0);
  const auto ended = std::make_shared<std::string>();
  {
    mamey::testing::harness tested{shop_with([&](composition& into) {
      into.run_in_background("ticker", [runs, ended](const environment& around) {
        EXPECT_EQ(around.application, "shop");
        if (++*runs == 1) throw std::runtime_error("it stumbled");
        try {
          for (;;) sleep_for(1h);
        } catch (const cancelled&) {
          *ended = "cancelled";
          throw;
        }
      });
    })};
    tested.set("management:apiKey", "k");
    const auto health = tested.get("/health/ready", {{"X-Api-Key", "k"}});
    EXPECT_EQ(health.status, 200);
    EXPECT_NE(
        health.body.find(R"({"name":"background ticker","status":"degraded","message":"failed, begins again soon (failures so far: 1): )"),
        std::string::npos)
        << health.body;
    EXPECT_NE(health.body.find("it stumbled"), std::string::npos) << health.body;
    EXPECT_NE(tested.get("/metrics").body.find("mamey_background_running{work=\"ticker\"} 0"), std::string::npos);
    tested.advance(1s);
    EXPECT_EQ(*runs, 2);
    EXPECT_EQ(tested.get("/health/ready").body.find("degraded"), std::string::npos);
    const auto metrics = tested.get("/metrics").body;
    EXPECT_NE(metrics.find("mamey_background_running{work=\"ticker\"} 1"), std::string::npos);
    EXPECT_NE(metrics.find("mamey_background_restarts_total{work=\"ticker\"} 1"), std::string::npos);
  }
  EXPECT_EQ(*ended, "cancelled") << "at the stop";
}

TEST(features, a_step_of_the_stop_that_throws_or_hangs_holds_up_no_other) {
  const auto done = std::make_shared<std::string>();
  {
    mamey::testing::harness tested{shop_with([&](composition& into) {
      into.on_stop(shutdown_stage::flush, "last", [done](const environment&) { *done += "flush "; });
      into.on_stop(shutdown_stage::deregister, "torn", [](const environment&) { throw std::runtime_error("torn"); });
      into.on_stop(shutdown_stage::deregister, "slow", [done](const environment&) {
        try {
          sleep_for(1h);
        } catch (const deadline_exceeded&) {
          *done += "late ";
          throw;
        }
      });
      into.on_stop(shutdown_stage::deregister, "deregister", [done](const environment& around) { *done += around.application + " "; });
    })};
    tested.get("/open");
  }
  EXPECT_EQ(*done, "late shop flush ");
}

struct ShelfOptions {
  int size = 1;
  static constexpr auto rules() { return all(field<&ShelfOptions::size>.at_least(1)); }
};
struct Shelf {};

application shelf_with(std::function<void(composition&)> does) {
  return application("shop")
      .options<ShelfOptions>("shelf")
      .get("/open", [](const Open&, const ShelfOptions& options) { return Word{std::to_string(options.size)}; })
      .add(feature{std::move(does)});
}

TEST(features, a_layer_wins_over_what_is_there_and_sees_it) {
  mamey::testing::harness tested{shelf_with([](composition& into) {
    into.add_configuration("first", [](const environment& around) {
      sleep_for(10ms);  // it may wait
      return std::vector<configured_value>{{.key = "shelf:size", .value = "1" + around.configuration->find("shelf:size").value_or("?")}};
    });
    into.add_configuration("second", [](const environment& around) {
      return std::vector<configured_value>{{.key = "SHELF:SIZE", .value = "2" + around.configuration->find("shelf:size").value_or("?")}};
    });
  })};
  tested.set("shelf:size", "3");
  EXPECT_EQ(tested.get("/open").body, R"({"text":"213"})");
}

TEST(features, a_layer_that_fails_is_late_or_gives_no_key_refuses_the_start_with_its_name) {
  EXPECT_EQ(refusal_of(shelf_with([](composition& into) {
              into.add_configuration(
                  "vault", [](const environment&) -> std::vector<configured_value> { throw unavailable("sealed", "it is sealed"); });
            })),
            "layer vault of the configuration: it is sealed");
  EXPECT_EQ(refusal_of(shelf_with([](composition& into) {
              into.add_configuration("vault", [](const environment&) {
                sleep_for(1h);
                return std::vector<configured_value>{};
              });
            })),
            "layer vault of the configuration: has not loaded within 30000 ms (configurationLayers:timeout)");
  EXPECT_EQ(refusal_of(shelf_with([](composition& into) {
              into.add_configuration(
                  "vault", [](const environment&) { return std::vector<configured_value>{{.key = "shelf::size", .value = "1"}}; });
            })),
            "layer vault of the configuration: expected keys such as catalog:pageSize, got \"shelf::size\"");
  const auto bad_value = refusal_of(shelf_with([](composition& into) {
    into.add_configuration("vault", [](const environment&) {
      return std::vector<configured_value>{{.key = "shelf:size", .value = "many", .origin = "vault kv/shop"}};
    });
  }));
  EXPECT_TRUE(bad_value.starts_with("vault kv/shop: shelf:size: expected an integer")) << bad_value;
}

TEST(features, a_changed_value_reaches_those_who_listen_once) {
  const auto heard = std::make_shared<std::string>();
  const auto publish = [](const environment& around, const char* layer, std::vector<configured_value> values) {
    around.changes->publish(layer, values);
  };
  const auto before = logging::levels();
  {
    mamey::testing::harness tested{shelf_with([&](composition& into) {
      into.on_change("shelf", [](const configured_value&) { throw std::runtime_error("not today"); });
      into.on_change("Shelf:Size", [heard](const configured_value& changed) { *heard += changed.value + "(" + changed.origin + ") "; });
      into.add_configuration("low", [](const environment&) { return std::vector<configured_value>{{.key = "shelf:size", .value = "4"}}; });
      into.add_configuration("high",
                             [](const environment&) { return std::vector<configured_value>{{.key = "shelf:colour", .value = "red"}}; });
      into.run_in_background("changes", [publish](const environment& around) {
        publish(around, "low", {{.key = "shelf:size", .value = "4"}});  // as it is
        publish(around, "low", {{.key = "shelf:SIZE", .value = "5"}});
        publish(around, "low", {{.key = "shelf:size", .value = "5"}});  // as it is now
        publish(around, "high", {{.key = "shelf:size", .value = "6", .origin = "high:1"}});
        publish(around, "low", {{.key = "shelf:size", .value = "7"}});  // the other wins
        publish(around, "low", {{.key = "shelf:colour", .value = "blue"}});
        publish(around, "low", {{.key = "shelfish", .value = "1"}, {.key = "logger:overrides:acme.features", .value = "debug"}});
      });
    })};
    EXPECT_EQ(tested.get("/open").body, R"({"text":"4"})") << "what was bound does not change";
  }
  EXPECT_EQ(*heard, "5(low) 6(high:1) ");
  const auto levels = logging::levels();
  EXPECT_EQ(levels.at("acme.features"), log_level::debug);
}

struct kept_spans final : tracing::span_exporter {
  void take(tracing::span_record&& record) noexcept override { names.push_back(std::move(record.name)); }
  void flush() override { flushed = names.size(); }
  std::vector<std::string> names;
  std::size_t flushed = 0;
};
struct kept_lines final : log_sink {
  void write(const log_record& record) override {
    const std::lock_guard lock(guard);
    lines += record.message + "\n";
  }
  std::mutex guard;
  std::string lines;
};

TEST(features, several_exporters_get_each_sampled_span_and_are_flushed_at_the_stop) {
  const auto one = std::make_shared<kept_spans>(), two = std::make_shared<kept_spans>();
  {
    mamey::testing::harness tested{shop_with([&](composition& into) {
      into.export_spans("one", [one](const environment&) { return one; });
      into.export_spans("two", [two](const environment&) { return two; });
      into.sample_roots("but /taken", [](const environment&) -> tracing::root_sampler {
        return [](const tracing::new_root& root) {
          return root.service == "shop" && root.kind == tracing::span_kind::server && root.name != "/taken";
        };
      });
    })};
    tested.get("/open");
    tested.get("/taken");
    EXPECT_EQ(one->flushed, 0u);
  }
  ASSERT_FALSE(one->names.empty());
  EXPECT_EQ(one->names.back(), "GET /open");
  EXPECT_EQ(two->names, one->names);
  EXPECT_EQ(one->flushed, one->names.size());
}

struct Restocked {
  static constexpr message_options message{.exchange = "shelf"};
  std::string item;
};
void on_restocked(const Restocked&) {}

TEST(features, a_sampler_decides_for_messages_without_a_trace_too) {
  const auto asked = std::make_shared<std::vector<std::string>>();
  const auto spans = std::make_shared<kept_spans>();
  for (const bool recorded : {false, true}) {
    mamey::testing::harness tested{
        application("shop").add(mamey::module("shelves").events<on_restocked>()).add(feature{[&](composition& into) {
          into.export_spans("kept", [spans](const environment&) { return spans; });
          into.sample_roots("asked", [asked, recorded](const environment&) -> tracing::root_sampler {
            return [asked, recorded](const tracing::new_root& root) {
              if (root.kind == tracing::span_kind::consumer) asked->emplace_back(root.name);
              return recorded;
            };
          });
        }})};
    tested.receive(Restocked{"boxes"});
    EXPECT_EQ(spans->names.empty(), !recorded);
  }
  EXPECT_EQ(*asked, (std::vector<std::string>{"Restocked", "Restocked"}));
}

struct Sweep {};
std::vector<trace_context> swept;
void sweep(const Sweep&) { swept.push_back(current_context().trace); }
void sweep_once(dispatcher& commands) { commands.send(Sweep{}); }

TEST(features, a_sampler_decides_for_jobs_and_background_work_too) {
  for (const bool recorded : {false, true}) {
    std::vector<std::string> asked;
    const auto spans = std::make_shared<kept_spans>();
    swept.clear();
    mamey::testing::harness tested{
        application("shop")
            .add(mamey::module("sweeping").commands<sweep>().every(1h, mamey::send<Sweep>(), {.name = "nightly"}))
            .background<&sweep_once>("sweeper")
            .add(feature{[&](composition& into) {
              into.export_spans("kept", [spans](const environment&) { return spans; });
              into.sample_roots("asked", [&asked, recorded](const environment&) -> tracing::root_sampler {
                return [&asked, recorded](const tracing::new_root& root) {
                  asked.push_back(std::string(root.service) + ": " + std::string(root.name));
                  return recorded;
                };
              });
            }})};
    tested.advance(61min);
    EXPECT_EQ(asked, (std::vector<std::string>{"shop: sweep", "shop: job nightly"}));
    ASSERT_EQ(swept.size(), 2u);
    EXPECT_NE(swept[0].trace_id, swept[1].trace_id);
    for (const auto& each : swept) EXPECT_EQ(each.sampled, recorded);
    EXPECT_EQ(spans->names, recorded ? (std::vector<std::string>{"sweep", "job nightly", "sweep"}) : std::vector<std::string>{});
  }
}

TEST(features, a_log_sink_hears_its_application_until_the_end) {
  const auto sink = std::make_shared<kept_lines>();
  logging::configure({.level = log_level::information, .console = {.enabled = false}});
  const logger log{"acme.shop"};
  {
    mamey::testing::harness tested{shop_with([&](composition& into) {
      into.add_log_sink("kept", [sink](const environment&) { return sink; });
      into.on_start("say", [&log](const environment&) { log.warning("the {thing} is open", "shop"); });
      into.on_stop(shutdown_stage::close_pools, "say", [&log](const environment&) { log.warning("the {thing} is closed", "shop"); });
    })};
    tested.get("/open");
  }
  log.warning("nobody hears {this}", "this");
  logging::flush();
  logging::stop();
  EXPECT_NE(sink->lines.find("the shop is open\n"), std::string::npos) << sink->lines;
  EXPECT_NE(sink->lines.find("the shop is closed\n"), std::string::npos) << sink->lines;
  EXPECT_EQ(sink->lines.find("nobody hears"), std::string::npos) << sink->lines;
}

TEST(features, services_get_the_registries_and_the_changes_by_asking) {
  struct counted {
    counted(metrics::registry& numbers, health::registry& probes, configuration_changes&)
        : looks(numbers.make_counter("acme_looks_total", "Looks.")) {
      probes.add({.name = "acme", .importance = health::importance::degrading, .check = [] {
                    return health::result{.status = health::status::degraded, .message = "so so"};
                  }});
    }
    metrics::counter& looks;
  };
  mamey::testing::harness tested{
      application("shop").services([](services& add) { add.add<counted>(); }).get("/open", [](const Open&, counted& here) {
        here.looks.increment();
        return Word{"open"};
      })};
  tested.set("management:apiKey", "k");
  tested.get("/open");
  EXPECT_NE(tested.get("/metrics").body.find("acme_looks_total 1"), std::string::npos);
  EXPECT_NE(tested.get("/health/ready", {{"X-Api-Key", "k"}}).body.find("so so"), std::string::npos);
}

struct clockwork {
  std::atomic<int> ticks{0};
};
void tick(clockwork& of, configuration& values) {
  for (;; sleep_for(1s)) of.ticks += std::stoi(values.find("step").value_or("1"));
}
void tick_in_a_unit_of_work(unit_of_work&) {}

// snippet author
template <class Part>
Part&& with_doors(Part&& part, const std::shared_ptr<std::string>& seen) {
  return std::move(part)
      .filter(request_stage::observe, "note", note(seen, "n"))
      .route(http_method::get, "/page", [](http::request&, http::response& response) { response.set_body("text/plain", "page"); },
             {.access = requires_authenticated()})
      .template background<&tick>("tick")
      .on_stop(shutdown_stage::flush, "bye", [seen] { *seen += "bye"; });
}
// end author

void check_doors(application what, const std::shared_ptr<std::string>& seen) {
  {
    mamey::testing::harness tested{
        std::move(what).services([](services& add) { add.add<clockwork>(); }).get("/open", [](const Open&, clockwork& of) {
          return Word{std::to_string(of.ticks)};
        })};
    EXPECT_EQ(tested.get("/open").body, R"({"text":"1"})");
    EXPECT_EQ(tested.get("/page").status, 401);
    tested.act_as(principal{.id = "ann"});
    EXPECT_EQ(tested.get("/page").body, "page");
    tested.advance(3500ms);
    EXPECT_EQ(tested.get("/open").body, R"({"text":"4"})");
  }
  EXPECT_EQ(*seen, "<nn><nn><nn><nn>bye");
}

TEST(features, an_author_has_the_doors_of_an_application_and_of_a_module) {
  auto seen = std::make_shared<std::string>();
  check_doors(with_doors(application("shop"), seen), seen);
  seen->clear();
  check_doors(application("shop").add(with_doors(mamey::module("clocks"), seen)), seen);
}

TEST(features, work_in_the_background_takes_what_a_singleton_may_take) {
  const auto said = refusal_of(application("shop").background<&tick>("tick"));
  EXPECT_NE(said.find("clockwork, which nobody added"), std::string::npos) << said;
  EXPECT_NE(refusal_of(application("shop").background<&tick_in_a_unit_of_work>("tick")).find("unit_of_work"), std::string::npos);
}

TEST(features, an_unknown_way_to_find_services_is_refused_with_those_that_are_there) {
  const auto resolver = [](composition& into) {
    into.resolve_services("phonebook",
                          [](const environment&) -> http::address_resolver { return [](std::string_view) { return std::string(); }; });
  };
  {
    mamey::testing::harness tested{shop_with(resolver)};
    tested.set("httpClient:type", "PhoneBook");
    EXPECT_EQ(tested.get("/open").status, 200);
    EXPECT_EQ(tested.get("/health/ready").body.find("degraded"), std::string::npos);
  }
  mamey::testing::harness tested{shop_with(resolver)};
  tested.set("httpClient:type", "etcd");
  try {
    tested.get("/open");
    FAIL() << "it has started";
  } catch (const configuration_error& refused) {
    EXPECT_EQ(refused.reason(), "the test: httpClient:type: expected consul, fabio, phonebook or nothing, got \"etcd\"");
  }
}

}  // namespace
