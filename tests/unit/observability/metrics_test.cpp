#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <mamey/observability/http_metrics.hpp>
#include <mamey/observability/metrics.hpp>

#include "../../support/promtool.hpp"

namespace metrics = mamey::metrics;
using mamey::testing::promtool_says;
using metrics::expose;
using metrics::sample_kind;

namespace {

bool has_line(const std::string& page, const std::string& line) { return ("\n" + page).find("\n" + line + "\n") != std::string::npos; }

}  // namespace

TEST(metrics, counts_of_all_threads_add_up) {
  metrics::registry registry;
  auto& requests = registry.make_counter("requests_total", "Requests.");
  auto& active = registry.make_up_down_counter("active", "Active.");
  auto& sizes = registry.make_histogram("size_bytes", "Sizes.", std::vector{1.0, 10.0});
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 10'000; ++i) {
          requests.increment();
          active.increment(2);
          active.decrement();
          sizes.observe(i % 2 == 0 ? 1 : 100);
        }
      });
    }
  }
  EXPECT_EQ(requests.value(), 40'000U);
  EXPECT_EQ(active.value(), 40'000);
  EXPECT_EQ(sizes.count(), 40'000U);
  EXPECT_EQ(sizes.snapshot().counts, (std::vector<std::uint64_t>{20'000, 0, 20'000}));
  EXPECT_EQ(sizes.snapshot().sum, 2'020'000);
}

TEST(metrics, a_page_names_each_family_once_with_its_samples) {
  metrics::registry registry;
  const auto sent = registry.counters("sent_total", "Messages sent.", {"transport", "queue"});
  sent.with({"sql", "orders"}).increment(3);
  sent.with({"memory", "orders"}).increment();
  registry.make_gauge("temperature_celsius", "Now.").set(-1.5);
  EXPECT_EQ(expose({&registry}),
            "# HELP sent_total Messages sent.\n"
            "# TYPE sent_total counter\n"
            "sent_total{transport=\"memory\",queue=\"orders\"} 1\n"
            "sent_total{transport=\"sql\",queue=\"orders\"} 3\n"
            "# HELP temperature_celsius Now.\n"
            "# TYPE temperature_celsius gauge\n"
            "temperature_celsius -1.5\n");
}

TEST(metrics, a_histogram_shows_cumulated_buckets_its_sum_and_count) {
  metrics::registry registry;
  const auto durations = registry.histograms("took_seconds", "Time.", {"op"}, std::vector{0.1, 1.0});
  auto& read = durations.with({"read"});
  for (const double value : {0.1, 0.5, 2.0}) read.observe(value);  // a bound belongs to its bucket
  read.observe(std::numeric_limits<double>::quiet_NaN());          // counts nowhere
  EXPECT_EQ(expose({&registry}),
            "# HELP took_seconds Time.\n"
            "# TYPE took_seconds histogram\n"
            "took_seconds_bucket{op=\"read\",le=\"0.1\"} 1\n"
            "took_seconds_bucket{op=\"read\",le=\"1\"} 2\n"
            "took_seconds_bucket{op=\"read\",le=\"+Inf\"} 3\n"
            "took_seconds_sum{op=\"read\"} 2.6\n"
            "took_seconds_count{op=\"read\"} 3\n");
}

TEST(metrics, label_values_and_help_are_escaped) {
  metrics::registry registry({.constant_labels = {{"app", "a\"b"}}});
  registry.counters("odd_total", "back\\slash\nline", {"value"}).with({"\\ \" \n \xff"}).increment();
  const auto page = expose({&registry});
  EXPECT_TRUE(has_line(page, "# HELP odd_total back\\\\slash\\nline")) << page;
  EXPECT_TRUE(has_line(page, "odd_total{app=\"a\\\"b\",value=\"\\\\ \\\" \\n \xef\xbf\xbd\"} 1")) << page;
  EXPECT_EQ(promtool_says(page), "");
}

TEST(metrics, the_same_labels_give_the_same_child) {
  metrics::registry registry;
  const auto family = registry.counters("x_total", "X.", {"a"});
  EXPECT_EQ(&family.with({"1"}), &family.with({"1"}));
  EXPECT_NE(&family.with({"1"}), &family.with({"2"}));
  EXPECT_EQ(&family.with({"1"}), &registry.counters("x_total", "X.", {"a"}).with({"1"})) << "registering again finds the family";
}

TEST(metrics, beyond_the_bound_label_combinations_share_the_child_other) {
  metrics::registry registry({.max_children = 3});
  const auto family = registry.counters("x_total", "X.", {"user"});
  testing::internal::CaptureStderr();
  for (int i = 0; i < 100; ++i) family.with({std::to_string(i)}).increment();
  EXPECT_NE(testing::internal::GetCapturedStderr().find("x_total has 3 combinations"), std::string::npos);
  const auto page = expose({&registry});
  EXPECT_TRUE(has_line(page, "x_total{user=\"2\"} 1")) << page;
  EXPECT_TRUE(has_line(page, "x_total{user=\"other\"} 97")) << page;
}

TEST(metrics, what_prometheus_would_refuse_is_refused_at_registration) {
  metrics::registry registry;
  EXPECT_THROW(registry.make_counter("9lives_total", ""), std::logic_error);
  EXPECT_THROW(registry.make_counter("with space", ""), std::logic_error);
  EXPECT_THROW(registry.counters("x_total", "", {"__reserved"}), std::logic_error);
  EXPECT_THROW(registry.histograms("h", "", {"le"}), std::logic_error);
  EXPECT_THROW(registry.make_histogram("h", "", std::vector{2.0, 1.0}), std::invalid_argument);
  registry.counters("x_total", "", {"a"});
  EXPECT_THROW(registry.gauges("x_total", "", {"a"}), std::logic_error);
  EXPECT_THROW(registry.counters("x_total", "", {"b"}), std::logic_error);
  EXPECT_THROW(registry.counters("x_total", "", {"a"}).with({"1", "2"}), std::invalid_argument);
  EXPECT_THROW((void)registry.collect(sample_kind::counter, "x_total", "", [] { return 1.0; }), std::logic_error);
  registry.make_gauge("level", "");
  EXPECT_THROW(registry.make_up_down_counter("level", ""), std::logic_error) << "both are gauges, but not the same";
}

TEST(metrics, a_collecting_function_is_asked_at_each_scrape_until_it_is_ended) {
  metrics::registry registry;
  int depth = 3;
  {
    const auto registered =
        registry.collect(sample_kind::gauge, "queue_depth", "Waiting.", {"queue"}, [&](const metrics::sample_sink& sink) {
          sink({"orders"}, depth);
          sink({"dead"}, std::numeric_limits<double>::infinity());
        });
    depth = 4;
    const auto page = expose({&registry});
    EXPECT_TRUE(has_line(page, "queue_depth{queue=\"orders\"} 4")) << page;
    EXPECT_TRUE(has_line(page, "queue_depth{queue=\"dead\"} +Inf")) << page;
  }
  EXPECT_EQ(expose({&registry}), "");
}

TEST(metrics, a_collecting_function_that_throws_costs_its_own_samples_only) {
  metrics::registry registry;
  registry.make_counter("fine_total", "Fine.").increment();
  const auto bad = registry.collect(sample_kind::gauge, "bad", "Bad.", [] { return throw std::runtime_error("pool is closed"), 0.0; });
  testing::internal::CaptureStderr();
  const auto page = expose({&registry});
  EXPECT_NE(testing::internal::GetCapturedStderr().find("pool is closed"), std::string::npos);
  EXPECT_TRUE(has_line(page, "fine_total 1"));
  EXPECT_EQ(page.find("bad"), std::string::npos);
}

TEST(metrics, two_functions_giving_the_same_series_show_it_once) {
  metrics::registry registry;
  const auto first = registry.collect(sample_kind::gauge, "pool_size", "Size.", [] { return 1.0; });
  const auto second = registry.collect(sample_kind::gauge, "pool_size", "Size.", [] { return 2.0; });
  EXPECT_EQ(expose({&registry}), "# HELP pool_size Size.\n# TYPE pool_size gauge\npool_size 1\n");
}

TEST(metrics, a_registration_may_outlive_its_registry) {
  metrics::registration left;
  {
    metrics::registry registry;
    left = registry.collect(sample_kind::gauge, "x", "X.", [] { return 1.0; });
  }
}

TEST(metrics, the_process_tells_its_memory_descriptors_and_age_in_a_form_promtool_accepts) {
  metrics::registry application({.constant_labels = {{"app", "orders"}}});
  application.make_counter("orders_placed_total", "Orders.").increment();
  const auto page = expose({&metrics::process(), &application});
  for (const auto* name : {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds",
                           "process_threads", "mamey_log_records_dropped_total"}) {
    EXPECT_NE(page.find(std::string("\n") + name + " "), std::string::npos) << name;
  }
  EXPECT_TRUE(has_line(page, "orders_placed_total{app=\"orders\"} 1"));
  EXPECT_EQ(promtool_says(page), "");
}

TEST(http_metrics, one_observation_serves_the_dashboards_of_both_families) {
  metrics::registry registry;
  metrics::http_server_metrics http(registry);
  auto& browse = http.at("GET", "/orders/{orderId}", "orders", "GetOrder");
  EXPECT_EQ(&browse, &http.at("GET", "/orders/{orderId}", "orders", "GetOrder"));
  auto& alias = http.at("GET", "/old/orders/{orderId}", "orders", "GetOrder");
  for (auto* endpoint : {&browse, &browse, &alias}) {
    endpoint->started();
    endpoint->finished(200, std::chrono::milliseconds(3));
  }
  browse.started();
  browse.finished(404, std::chrono::milliseconds(1));
  browse.started();
  const auto page = expose({&registry});
  EXPECT_TRUE(has_line(page, R"(http_requests_total{method="GET",handler="/orders/{orderId}",status="200"} 2)")) << page;
  EXPECT_TRUE(has_line(page, R"(http_requests_total{method="GET",handler="/orders/{orderId}",status="404"} 1)")) << page;
  EXPECT_TRUE(has_line(page, R"(http_requests_received_total{code="200",method="GET",controller="orders",action="GetOrder"} 3)")) << page;
  EXPECT_TRUE(has_line(page, R"(http_requests_in_progress{method="GET",controller="orders",action="GetOrder"} 1)")) << page;
  EXPECT_TRUE(has_line(
      page,
      R"(http_request_duration_seconds_bucket{code="200",method="GET",controller="orders",action="GetOrder",handler="/orders/{orderId}",le="0.004"} 2)"))
      << page;
  EXPECT_EQ(promtool_says(page), "");
}

TEST(http_metrics, more_statuses_than_the_quick_table_holds_are_counted_too) {
  metrics::registry registry;
  metrics::http_server_metrics http(registry);
  auto& endpoint = http.at("GET", "/teapot", "kitchen", "Brew");
  for (int round = 0; round < 2; ++round) {
    for (int status = 400; status < 430; ++status) {
      endpoint.started();
      endpoint.finished(status, std::chrono::milliseconds(1));
    }
  }
  const auto page = expose({&registry});
  EXPECT_TRUE(has_line(page, R"(http_requests_total{method="GET",handler="/teapot",status="400"} 2)"));
  EXPECT_TRUE(has_line(page, R"(http_requests_total{method="GET",handler="/teapot",status="429"} 2)"));
}
