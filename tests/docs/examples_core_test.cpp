/// The excerpts of docs/core.md and docs/observability.md.

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include <mamey/core/configuration.hpp>
#include <mamey/core/decimal.hpp>
#include <mamey/core/error.hpp>
#include <mamey/core/json.hpp>
#include <mamey/core/rules.hpp>
#include <mamey/core/services.hpp>
#include <mamey/core/time.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/observability/health.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/observability/metrics.hpp>

namespace docs_core {

// snippet rules
struct Line {
  std::string sku;
  int quantity = 1;
  static constexpr auto rules() {
    return mamey::all(mamey::field<&Line::sku>.length(1, 40), mamey::field<&Line::quantity>.between(1, 1000));
  }
};

struct Basket {
  mamey::uuid id;
  std::vector<Line> lines;
  mamey::decimal discount = 0, total = 0;
  static constexpr auto rules() { return mamey::all(mamey::field<&Basket::id>.generated(), mamey::field<&Basket::lines>.not_empty()); }
  static void check(const Basket& basket, mamey::violations& found) {  // across members, when each member alone is valid
    if (basket.discount > basket.total) found.add("discount", "too_large", "expected at most the total");
  }
};
// end rules

// snippet json
std::string first_sku(std::string_view text) {
  const auto basket = mamey::json::parse<Basket>(text);  // throws validation_error with every violation
  return basket.lines.at(0).sku;
}
// end json

// snippet options
struct courier_options {
  std::vector<std::string> depots{"north"};
  std::uint16_t port = 5672;  // 0 … 65535: the type is the range
  std::chrono::milliseconds timeout{3000};
  std::map<std::string, std::string> services;  // name ⇒ address
};
// end options

// snippet services
class Pricing {
 public:
  virtual ~Pricing() = default;
  virtual int price_of(const std::string& sku) = 0;
};

class list_pricing final : public Pricing {
 public:
  int price_of(const std::string&) override { return 10; }
};

class cached_pricing final : public Pricing {
 public:
  explicit cached_pricing(Pricing& inner) : inner_(inner) {}
  int price_of(const std::string& sku) override { return known_.try_emplace(sku, inner_.price_of(sku)).first->second; }

 private:
  Pricing& inner_;
  std::map<std::string, int> known_;
};

struct Quote {
  explicit Quote(Pricing& pricing) : price(pricing.price_of("sku-1")) {}
  int price;
};

void compose(mamey::services& services) {
  services.add<Pricing, list_pricing>();         // singleton by default
  services.decorate<Pricing, cached_pricing>();  // replaces it; the inner object comes as parameter
  services.add<Quote>(mamey::lifetime::scoped);  // one per request or message
  services.add_initializer("warm up", [](Pricing& pricing) { pricing.price_of("sku-1"); });
}
// end services

}  // namespace docs_core

namespace {

using namespace docs_core;

TEST(docs_core, json_names_the_place_of_each_violation) {
  EXPECT_EQ(first_sku(R"({"lines": [{"sku": "a", "quantity": "2"}]})"), "a");
  try {
    first_sku(R"({"lines": [{"sku": "a"}, {"quantity": "three"}]})");
    FAIL();
  } catch (const mamey::validation_error& wrong) {
    EXPECT_EQ(wrong.violations().at(0).path, "lines[1].quantity");
  }
}

TEST(docs_core, configuration_says_where_a_bad_value_stands) {
  // snippet configuration
  mamey::configuration values;
  values.add_json(R"({"courier": {"depots": ["north", "south"], "port": "5673", "timeout": "00:00:05"}})", "appsettings.json");
  values.add_variables(std::vector<std::string>{"COURIER__DEPOTS__0=harbour"});

  const auto options = values.bind<courier_options>("courier");
  EXPECT_EQ(options.depots, (std::vector<std::string>{"harbour", "south"}));  // lists merge by index
  EXPECT_EQ(options.timeout, std::chrono::seconds(5));

  values.add_json(R"({"courier": {"port": "serviceport"}})", "appsettings.docker.json");
  try {
    values.bind<courier_options>("courier");
    FAIL();
  } catch (const mamey::configuration_error& wrong) {
    EXPECT_EQ(to_string(wrong.problems().at(0)), "appsettings.docker.json:1: courier:port: expected an integer, got \"serviceport\"");
  }
  // end configuration
}

TEST(docs_core, services_are_found_by_type) {
  mamey::services registrations;
  compose(registrations);
  // snippet provider
  mamey::service_provider provider(std::move(registrations));  // checks the graph, builds nothing
  provider.start();                                            // singletons, dependencies first; then the initializers
  mamey::scope request(provider);                              // one per request or message
  EXPECT_EQ(request.get<Quote>().price, 10);
  // end provider
}

TEST(docs_observability, a_log_call_a_metric_and_a_probe) {
  mamey::metrics::registry registry;
  mamey::health::registry health;
  std::size_t waiting = 3;
  // snippet observe
  static const mamey::logger log{"shop.queue"};  // cheap; one per file
  log.info("{waiting} orders wait for {courier}", waiting, "the harbour depot");
  log.debug("state: {state}", [&] { return std::string(waiting, '*'); });  // called only when the line will be written

  auto sent = registry.counters("shop_orders_sent_total", "Orders handed to a courier.", {"depot"});
  auto& harbour = sent.with({"harbour"});  // once: it takes a lock
  harbour.increment();                     // in the hot path: one relaxed add

  const auto depth = registry.collect(mamey::metrics::sample_kind::gauge, "shop_queue_depth", "Orders waiting.",
                                      [&] { return static_cast<double>(waiting); });

  health.add({.name = "queue", .kinds = mamey::health::kind::readiness, .importance = mamey::health::importance::degrading, .check = [&] {
                return waiting < 100 ? mamey::health::result{}
                                     : mamey::health::result{mamey::health::status::degraded, "the queue is long"};
              }});
  // end observe
  EXPECT_NE(mamey::metrics::expose({&registry}).find("shop_queue_depth 3"), std::string::npos);
  health.set_started();
  EXPECT_EQ(mamey::health::http_status(health.check(mamey::health::kind::readiness)), 200);
}

}  // namespace
