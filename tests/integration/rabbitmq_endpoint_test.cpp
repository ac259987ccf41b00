// Applications over RabbitMQ: outbox, inbox and subscriptions while the broker comes and goes.
#include <algorithm>

#include <mamey/core/configuration.hpp>
#include <mamey/feature/composition.hpp>
#include <mamey/messaging/bus_naming.hpp>
#include <mamey/messaging/rabbitmq/feature.hpp>
#include <mamey/messaging/rabbitmq/transport.hpp>
#include <mamey/observability/health.hpp>
#include <mamey/observability/metrics.hpp>

#include "../support/captured_composition.hpp"
#include "../support/tcp_gate.hpp"
#include "../unit/messaging/endpoint_fixture.hpp"
#include "rabbitmq_node.hpp"

namespace mamey::testing {
namespace {

class rabbitmq_endpoint : public ::testing::Test {
 protected:
  rabbitmq_endpoint() { deliveries.subscribe("orders", "OrderCreated", {deliveries.handler("plan")}); }
  /// In a fiber of the system loop, where everything of both applications runs.
  void run(const std::function<void()>& body) {
    loops_.run_on(loops_.system_loop(), [&] {
      deliveries.start();
      orders.start();
      body();
      for (auto* each : {&orders, &deliveries}) each->endpoint->cancel_consumers();
      for (auto* each : {&orders, &deliveries}) each->endpoint->finish_in_flight(10s);
      for (auto* each : {&orders, &deliveries}) {
        each->endpoint->stop_relay(10s);
        each->endpoint.reset();
      }
    });
  }
  void publish(int first, int last) {
    for (int i = first; i <= last; ++i) orders.publish("m" + std::to_string(i), "OrderCreated");
  }
  bool each_once(int count) const {
    for (int i = 1; i <= count; ++i) {
      const auto found = deliveries.effects.find("plan/m" + std::to_string(i));
      if (found == deliveries.effects.end() || found->second != 1) return false;
    }
    return static_cast<int>(deliveries.effects.size()) == count;
  }
  static private_rabbitmq& node() { return *rabbitmq_node::running; }
  /// Messages that wait in the queue and are with no consumer.
  bool waits_at_broker(const std::string& queue, int count) const {
    const auto look =
        "{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"" + host_ + "\">>, queue, <<\"" + queue +
        "\">>)), [{_, N}, {_, C}] = rabbit_amqqueue:info(Q, [messages_ready, consumers]), io:format(\"ready ~p of ~p~n\", [N, C]).";
    return run_blocking([&] { return node().evaluate(look); }).find("ready " + std::to_string(count) + " of 0") != std::string::npos;
  }

  runtime loops_{{.threads = 1}};
  const std::string host_ = rabbitmq_node::running->new_virtual_host();
  std::shared_ptr<rabbitmq_transport> through_ = std::make_shared<rabbitmq_transport>(
      loops_.system_loop(),
      rabbitmq_options{.host_names = {"127.0.0.1"}, .port = node().port(), .virtual_host = host_, .network_recovery_interval = 500ms},
      "test");
  test_application orders{"orders", *through_, loops_.system_loop()};
  test_application deliveries{"deliveries", *through_, loops_.system_loop()};
};

TEST_F(rabbitmq_endpoint, every_message_has_its_effect_once_although_the_broker_is_killed_in_between) {
  run([&] {
    publish(1, 100);
    eventually([&] { return deliveries.effects.size() > 20; }, "the first effects");
    run_blocking([&] { node().kill_hard(); });
    publish(101, 200);
    eventually([&] { return !orders.endpoint->statistics().trouble.empty(); }, "word of the trouble");
    run_blocking([&] { node().start(); });
    publish(201, 300);
    eventually([&] { return each_once(300); }, "each effect, once");
    eventually([&] { return orders.endpoint->statistics().trouble.empty() && deliveries.endpoint->statistics().trouble.empty(); },
               "the end of the trouble");
  });
}

TEST_F(rabbitmq_endpoint, a_full_queue_that_rejects_holds_up_no_other_message) {
  through_->declare({.exchanges = {{.name = "orders"}},
                     .queues = {{.name = "audit"}},
                     .bindings = {{.queue = "audit", .exchange = "orders", .routing_key = "OrderAudited"}}});
  const auto vhost = "<<\"" + host_ + "\">>";
  node().evaluate("ok = rabbit_policy:set(" + vhost +
                  ", <<\"full\">>, <<\"^audit$\">>, [{<<\"max-length\">>, 1}, {<<\"overflow\">>, <<\"reject-publish\">>}], 0, "
                  "<<\"queues\">>, <<\"guest\">>).");
  run([&] {
    for (int i = 1; i <= 1'000; ++i) orders.publish("audit" + std::to_string(i), "OrderAudited");
    eventually([&] { return orders.endpoint->statistics().trouble.find("OrderAudited") != std::string::npos; }, "the name of what waits");
    const auto began = steady_now();
    publish(1, 1'000);
    eventually([&] { return each_once(1'000); }, "the effects of what stands behind a thousand messages to a full queue", 30s);
    std::cout << "[ others   ] 1000 messages in " << std::chrono::duration_cast<std::chrono::milliseconds>(steady_now() - began).count()
              << " ms\n";
    EXPECT_TRUE(orders.store.has_pending());
    run_blocking([&] { node().evaluate("rabbit_policy:delete(" + vhost + ", <<\"full\">>, <<\"guest\">>)."); });
    eventually([&] { return !orders.store.has_pending(); }, "the end of what waited", 120s);
    eventually([&] { return orders.endpoint->statistics().trouble.empty(); }, "the end of the trouble");
  });
}

TEST_F(rabbitmq_endpoint, a_paused_subscription_leaves_its_messages_to_the_broker_until_it_is_resumed) {
  bool away = true;
  auto book = deliveries.handler("book", [&](const envelope& message, handling_context&) {
    if (away && message.id == "bad") throw unavailable("bank_away", "the bank does not answer");
  });
  book.plan = std::make_shared<const failure_plan>(failure_plan{.usual = {.reaction = failure_reaction::pause}, .by_code = {}});
  deliveries.subscribe("orders", "OrderPaid", {std::move(book)});
  run([&] {
    orders.publish("bad", "OrderPaid");
    eventually([&] { return deliveries.statistics(1).state == subscription_state::paused; }, "the pause");
    for (int i = 1; i <= 50; ++i) orders.publish("p" + std::to_string(i), "OrderPaid");
    publish(1, 50);
    eventually([&] { return each_once(50); }, "the effects at the other subscription");
    eventually([&] { return !orders.store.has_pending(); }, "the confirms");
    eventually([&] { return waits_at_broker("deliveries/orders.OrderPaid", 51); }, "all of them back at the broker, with no consumer");
    EXPECT_EQ(deliveries.starts["book/bad"], 1);
    EXPECT_EQ(deliveries.store.count_errors(), 0);
    away = false;
    deliveries.endpoint->resume("OrderPaid");
    eventually([&] { return deliveries.effects.size() == 101; }, "the effects of all");
    EXPECT_EQ(deliveries.starts["book/bad"], 2);
    eventually([&] { return deliveries.endpoint->statistics().trouble.empty(); }, "the end of the trouble");
  });
}

TEST_F(rabbitmq_endpoint, in_an_ordered_queue_a_failing_message_holds_its_key_until_it_is_in_the_error_store) {
  std::vector<std::string> tried;  // in the order of their ends
  auto& described =
      deliveries.subscribe("orders", "OrderPaid", {deliveries.handler("book", [&](const envelope& message, handling_context&) {
                             tried.push_back(message.id);
                             if (message.id == "bad") throw unavailable("bank_away", "the bank does not answer");
                           })});
  described.ordered = true;
  run([&] {
    orders.publish("bad", "OrderPaid", "a");
    orders.publish("follower", "OrderPaid", "a");
    orders.publish("other", "OrderPaid", "b");
    eventually([&] { return deliveries.effects.contains("book/other") && deliveries.effects.contains("book/follower"); },
               "the effects of the others");
    EXPECT_EQ(deliveries.store.count_errors(), 1);
    EXPECT_EQ(tried.back(), "follower") << "it waited for its head";
    EXPECT_EQ(std::ranges::count(tried, "bad"), 6) << "two tries a round, three rounds";
  });
}

/// Two instances of one service: one store, one ordered queue, of which one instance is the active consumer.
class rabbitmq_ordered : public rabbitmq_endpoint {
 protected:
  rabbitmq_ordered() {
    for (auto* each : {&deliveries, &second}) {
      each->parts().messaging.delayed_retries.assign(100, 100ms);
      each->parts().messaging.prefetch = 4;
      each->parts().module_store = &deliveries.store;
      auto& described = each->subscribe("orders", "OrderPaid", {each->handler("book", [this](const envelope& message, handling_context&) {
                                          if (message.id != "head") return;
                                          ++tries;
                                          if (!well) throw unavailable("bank_away", "the bank does not answer");
                                        })});
      described.ordered = true;
    }
    second.parts().through = elsewhere.get();
    deliveries.parts().through = gated.get();
    const auto commit = [this](const sql_statement& statement) { booked.push_back(statement.text); };
    deliveries.store.apply = commit;
  }
  std::shared_ptr<rabbitmq_transport> open(std::uint16_t port) {
    return std::make_shared<rabbitmq_transport>(
        loops_.system_loop(),
        rabbitmq_options{.host_names = {"127.0.0.1"}, .port = port, .virtual_host = host_, .network_recovery_interval = 500ms}, "test");
  }
  bool has_booked(const std::string& id) const { return std::ranges::find(booked, "book/" + id) != booked.end(); }

  int tries = 0;
  bool well = false;
  std::vector<std::string> booked;  ///< in the order of their commits
  std::unique_ptr<tcp_gate> gate = std::make_unique<tcp_gate>(node().port());
  std::shared_ptr<rabbitmq_transport> gated = open(gate->port()), elsewhere = open(node().port());
  test_application second{"deliveries", *through_, loops_.system_loop()};
};

TEST_F(rabbitmq_ordered, a_failing_head_holds_its_key_through_the_end_of_its_consumer_and_no_other_key) {
  run([&] {
    orders.publish("head", "OrderPaid", "a");
    for (int i = 1; i <= 20; ++i) orders.publish("f" + std::to_string(i), "OrderPaid", "a");
    orders.publish("other", "OrderPaid", "b");
    eventually([&] { return has_booked("other") && tries > 4; }, "another key behind more followers than the prefetch has room for");
    EXPECT_EQ(deliveries.store.delayed_count(), 21U);
    second.start();
    gate.reset();  // the active consumer is gone: the broker turns to the other
    for (int i = 21; i <= 40; ++i) orders.publish("f" + std::to_string(i), "OrderPaid", "a");
    eventually([&] { return second.statistics(0).delayed > 0; }, "followers at the other instance");
    EXPECT_FALSE(has_booked("f1"));
    well = true;
    eventually([&] { return has_booked("f40"); }, "the followers");
    second.stop();
  });
  std::vector<std::string> in_order{"book/other", "book/head"};
  for (int i = 1; i <= 40; ++i) in_order.push_back("book/f" + std::to_string(i));
  EXPECT_EQ(booked, in_order) << "each once, in the order of its key";
}

/// A network between the publisher and the broker.
class rabbitmq_behind_a_gate : public rabbitmq_endpoint {
 protected:
  rabbitmq_behind_a_gate() { orders.parts().through = gated.get(); }
  tcp_gate gate{node().port()};
  std::shared_ptr<rabbitmq_transport> gated = std::make_shared<rabbitmq_transport>(
      loops_.system_loop(),
      rabbitmq_options{.host_names = {"127.0.0.1"}, .port = gate.port(), .virtual_host = host_, .network_recovery_interval = 500ms},
      "test");
};

TEST_F(rabbitmq_behind_a_gate, what_a_network_swallows_before_it_breaks_arrives_all_the_same) {
  run([&] {
    publish(1, 20);
    eventually([&] { return each_once(20); }, "the first effects");
    gate.swallow(true);
    publish(21, 50);
    eventually([&] { return gated->statistics().published >= 50; }, "all of them sent into nothing");
    EXPECT_TRUE(each_once(20));
    gate.swallow(false);
    gate.cut();
    eventually([&] { return each_once(50); }, "each effect, once");
  });
}

TEST_F(rabbitmq_endpoint, a_queue_in_another_form_stops_its_subscription_alone_and_shows) {
  through_->declare({.exchanges = {{.name = "orders"}}, .queues = {{.name = "deliveries/orders.OrderPaid", .ordered = true}}});
  deliveries.subscribe("orders", "OrderPaid", {deliveries.handler("book")});
  run([&] {
    publish(1, 1);
    eventually([&] { return deliveries.effects.contains("plan/m1"); }, "the effect of the sound subscription");
    eventually([&] { return deliveries.endpoint->statistics().trouble.find("another form") != std::string::npos; }, "word of the trouble");
  });
}

/// A broker that waits little for settlements.
class rabbitmq_impatient : public rabbitmq_endpoint {
 protected:
  rabbitmq_impatient() { set("1000", "100"); }
  ~rabbitmq_impatient() override { set("1800000", "60000"); }
  static void set(const std::string& timeout, const std::string& tick) {
    node().evaluate("application:set_env(rabbit, consumer_timeout, " + timeout + "), application:set_env(rabbit, channel_tick_interval, " +
                    tick + ").");
  }
};

TEST_F(rabbitmq_impatient, a_handler_that_outlasts_it_loses_its_channel_and_the_message_has_its_effect_once) {
  int begun = 0;
  deliveries.subscribe("orders", "OrderPaid", {deliveries.handler("book", [&](const envelope& message, handling_context&) {
                         if (message.id != "slow" || ++begun > 1) return;
                         eventually([&] { return deliveries.effects.contains("book/slow"); }, "the second try");
                       })});
  run([&] {
    orders.publish("slow", "OrderPaid");
    eventually([&] { return begun == 2; }, "the message once more");
    eventually([&] { return deliveries.statistics(1).running == 0 && deliveries.statistics(1).state == subscription_state::consuming; },
               "the end of both");
    orders.publish("next", "OrderPaid");
    eventually([&] { return deliveries.effects.contains("book/next"); }, "the effect of another");
    EXPECT_EQ(deliveries.effects.at("book/slow"), 1);
    EXPECT_EQ(deliveries.statistics(1).duplicates, 1U) << "the first try came second";
    EXPECT_GE(deliveries.statistics(1).reconnects, 1U);
    EXPECT_EQ(deliveries.statistics(0).reconnects, 0U) << "only the channel of the slow one was closed";
  });
}

TEST_F(rabbitmq_endpoint, while_the_broker_has_no_memory_work_waits_in_the_outbox_and_nothing_is_lost_or_sent_twice) {
  run([&] {
    publish(1, 20);
    eventually([&] { return each_once(20); }, "the first effects");
    run_blocking([&] { node().evaluate("vm_memory_monitor:set_vm_memory_high_watermark(0.0001)."); });
    publish(21, 60);
    eventually([&] { return through_->statistics().blocked; }, "the alarm");
    publish(61, 400);
    EXPECT_NE(through_->statistics().trouble.find("alarm"), std::string::npos) << "health says so";
    EXPECT_GT(orders.store.read_outbox_state().pending, 300) << "nothing more is claimed and sent";
    const auto sent = through_->statistics().published;
    run_blocking([&] { node().evaluate("vm_memory_monitor:set_vm_memory_high_watermark(0.4)."); });
    eventually([&] { return each_once(400); }, "each effect, once");
    EXPECT_LE(sent, 400U);
    EXPECT_EQ(through_->statistics().published, 400U) << "none was sent again";
    EXPECT_EQ(through_->statistics().faults, 0U);
    EXPECT_EQ(through_->statistics().trouble, "");
  });
}

class rabbitmq_endpoint_alone : public rabbitmq_endpoint {
 protected:
  rabbitmq_endpoint_alone() { node().kill_hard(); }
};

TEST_F(rabbitmq_endpoint_alone, a_service_starts_without_its_broker_accepts_work_and_catches_up) {
  run([&] {
    publish(1, 50);
    eventually([&] { return !deliveries.endpoint->statistics().trouble.empty(); }, "word of the trouble");
    EXPECT_EQ(deliveries.effects.size(), 0U);
    EXPECT_NE(through_->statistics().trouble, "");
    run_blocking([&] { node().start(); });
    eventually([&] { return each_once(50); }, "each effect, once");
  });
}

TEST_F(rabbitmq_endpoint, the_feature_reads_its_section_and_shows_in_health_and_metrics) {
  configuration values;
  values.add_json(R"({"rabbitMq": {"hostNames": ["127.0.0.1"], "port": )" + std::to_string(node().port()) + R"(, "virtualHost": ")" +
                  host_ + R"("}})");
  health::registry probes;
  probes.set_started();
  metrics::registry counted;
  captured_composition parts;
  rabbitmq().install(parts);
  std::vector<configuration_problem> remarks;
  const auto naming = read_bus_naming(values, "orders", remarks);
  const environment around{.application = "orders",
                           .configuration = &values,
                           .naming = &naming,
                           .system_loop = &loops_.system_loop(),
                           .health = &probes,
                           .metrics = &counted};
  auto opened = parts.open_transport(around);
  opened->declare({.exchanges = {{.name = "orders"}}});
  eventually([&] { return probes.check(health::kind::readiness).status == health::status::healthy; }, "health");
  EXPECT_NE(metrics::expose({&counted}).find("mamey_rabbitmq_connections 2"), std::string::npos);
  opened.reset();
  const auto after = probes.check(health::kind::readiness);
  EXPECT_EQ(health::http_status(after), 200) << "a broker that is away degrades, and no more";
}

TEST(rabbitmq_feature, a_handler_may_not_outlast_the_broker_s_patience) {
  configuration values;
  values.add_json(R"({"rabbitMq": {"queue": {"consumerTimeout": "00:00:20"}}, "messaging": {"handlerTimeout": "00:00:30"}})");
  captured_composition parts;
  rabbitmq().install(parts);
  std::vector<configuration_problem> remarks;
  const auto naming = read_bus_naming(values, "orders", remarks);
  EXPECT_THROW(parts.open_transport({.application = "orders", .configuration = &values, .naming = &naming}), configuration_error);
}

}  // namespace
}  // namespace mamey::testing
