/// The samples in the comments of public headers, word for word, so that they compile. `scripts/checks/snippets.py` compares them.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mamey/application.hpp>
#include <mamey/http/client.hpp>
#include <mamey/observability/health.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/observability/metrics.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/stream.hpp>
#include <mamey/runtime/tls.hpp>
#include <mamey/testing/harness.hpp>

// ── The world of the samples; specialisations of ours must stand in the global namespace ──

namespace header_samples {
enum class Status { placed, delivering };
struct OrderState {
  Status status = Status::placed;
};
struct CreateOrder {
  mamey::uuid order_id;
  mamey::uuid customer_id;
};
struct OrderShipped {
  mamey::uuid order_id;
};
struct OrderCreated {
  static constexpr mamey::message_options message{.exchange = "orders"};
  mamey::uuid order_id;
  int total_amount = 0;
};
struct Price {
  int amount = 0;
};
struct Pricing {
  virtual ~Pricing() = default;
  virtual int price() = 0;
};
struct fixed_price : Pricing {
  explicit fixed_price(int given) : amount(given) {}
  int price() override { return amount; }
  int amount;
};
struct pricing_options {};
struct cache_options {};
struct cached_pricing : Pricing {
  cached_pricing(Pricing& of, const cache_options&) : inner(of) {}
  int price() override { return inner.price(); }
  Pricing& inner;
};
struct Report {
  explicit Report(Pricing& pricing) : price(pricing.price()) {}
  int price;
};

// ── Core ──

struct Order {
  mamey::uuid customer_id;
};
enum class Port : std::uint16_t { http = 80, admin = 9000 };

// clang-format off
struct Line {
  std::string sku;
  int quantity = 1;
  static constexpr auto rules() {
    return mamey::all(mamey::field<&Line::sku>.length(1, 40), mamey::field<&Line::quantity>.at_least(1));
  }
};
// clang-format on

struct rabbitmq_options {
  std::vector<std::string> hostnames{"localhost"};
  std::uint16_t port = 5672;
  std::chrono::milliseconds timeout{3000};
};

template <class T>
struct repository {
  explicit repository(mamey::unit_of_work&) {}
};
}  // namespace header_samples

using header_samples::Order;
using header_samples::Port;
using header_samples::repository;

// clang-format off
template <> struct mamey::wire_names<Order> {
  static constexpr std::pair<std::string_view, std::string_view> names[] = {{"customer_id", "CustomerID"}};
};
template <> struct mamey::enum_limits<Port> { static constexpr int min = 0, max = 9000; };
// clang-format on

template <class T>
struct mamey::default_recipe<repository<T>> {
  static constexpr auto life = mamey::lifetime::scoped;
  // Optional: without it, the constructor is injected.
  static repository<T> make(mamey::unit_of_work& work) { return repository<T>(work); }
  // Optional: what the framework has to know before somebody can use one; see `service_provider::reached_from`.
  static const void* about() { return &mamey::aggregate_collection<T>(); }
};

namespace header_samples {

TEST(header_samples, names_and_limits_on_the_wire) {
  EXPECT_EQ(mamey::enum_name(Port::admin), "admin");
  EXPECT_EQ(mamey::json::to_string(Order{}), R"({"CustomerID":"00000000-0000-0000-0000-000000000000"})");
}

TEST(header_samples, configuration) {
  auto loaded = mamey::load_configuration({.arguments = {"--rabbitMq:port=5673"}});
  auto options = loaded.values.bind<rabbitmq_options>("rabbitMq");
  EXPECT_EQ(options.port, 5673);
}

struct http_pricing : Pricing {
  http_pricing(mamey::http::client& client, const pricing_options& options);
  int price() override { return 1; }
};
http_pricing::http_pricing(mamey::http::client&, const pricing_options&) {}

TEST(header_samples, services) {
  mamey::services services;
  // clang-format off
  services.add<Pricing, http_pricing>();
  services.decorate<Pricing, cached_pricing>();                       // cached_pricing(Pricing& inner, const cache_options& options)
  services.add<Report>([](Pricing& pricing) { return Report(pricing); }, mamey::lifetime::scoped);
  // clang-format on
}

// ── Domain ──

namespace domain {
// clang-format off
class Order : public mamey::aggregate<mamey::uuid, OrderState> {
  using aggregate::aggregate;
 public:
  void ship() { change().status = Status::delivering; raise(OrderShipped{.order_id = id()}); }
};
// clang-format on

void create_order(const CreateOrder& command, mamey::repository<Order>& orders, Pricing& pricing);
static_assert(!mamey::signature<decltype(create_order)>::is_class);

TEST(header_samples, aggregate) {
  struct placed : Order {
    placed() : Order(mamey::uuid::v7()) {}
  } order;
  order.ship();
  EXPECT_EQ(order.state().status, Status::delivering);
}
}  // namespace domain

struct MappedOrder {
  static mamey::table_mapping mapping() {
    return {.table = "Orders", .id = "Id", .version = "Version", .naming = mamey::column_naming::pascal_case};
  }
};

// ── Testing ──

namespace orders {
void create_order(const CreateOrder& command, mamey::publisher& messages, Pricing& pricing) {
  messages.publish(OrderCreated{.order_id = command.order_id, .total_amount = pricing.price()});
}
mamey::module service() { return mamey::module("orders").commands<create_order>(); }
}  // namespace orders

TEST(header_samples, harness) {
  const auto id = mamey::uuid::v7(), c = mamey::uuid::v7();
  mamey::testing::harness orders{orders::service()};
  orders.replace<Pricing>(fixed_price{42});
  orders.send(CreateOrder{.order_id = id, .customer_id = c});
  EXPECT_EQ(orders.published<OrderCreated>().at(0).total_amount, 42);
}

// ── Observability ──

struct placed_order {
  mamey::uuid id() const { return {}; }
  mamey::uuid customer_id() const { return {}; }
};
std::string expensive_dump(const placed_order&) { return "all of it"; }

TEST(header_samples, log) {
  const placed_order order;
  // clang-format off
  static const mamey::logger log{"orders.relay"};
  log.info("order {order_id} placed by {customer_id}", order.id(), order.customer_id());
  log.debug("state: {state}", [&] { return expensive_dump(order); });   // not called unless debug is on
  // clang-format on
}

TEST(header_samples, metrics) {
  mamey::metrics::registry registry;
  // clang-format off
  auto sent = registry.counters("outbox_messages_sent_total", "Messages a broker has confirmed.", {"transport"});
  mamey::metrics::counter& sql = sent.with({"sql"});   // keep it
  sql.increment();
  // clang-format on
}

mamey::health::result ping(int) { return {}; }

TEST(header_samples, health) {
  mamey::health::registry health;
  const int store = 0;
  health.add({.name = "sqlite", .kinds = mamey::health::kind::readiness, .check = [&] { return ping(store); }});
  health.set_started();
  auto report = health.check(mamey::health::kind::readiness);  // http_status(report), to_json(report), to_text(report)
  EXPECT_EQ(http_status(report), 200);
}

// ── Runtime and HTTP: nobody answers there, so these are compiled and not run ──

[[maybe_unused]] void encrypt(const std::string& host, std::uint16_t port, std::chrono::seconds timeout) {
  const mamey::tls_context tls = mamey::tls_context::for_clients({.ca_file = "ca.pem"});
  auto stream = mamey::tcp_stream::connect(host, port, timeout);
  stream.start_tls(tls, host, mamey::steady_now() + timeout);
}

[[maybe_unused]] Price ask(mamey::runtime& runtime, const mamey::http::client_options& options) {
  mamey::http::client client{runtime, options};
  auto price = client.service("pricing").get_json<Price>("/orders/42/pricing");
  return price;
}

}  // namespace header_samples
