/// Who may read the metrics, as Convey.Metrics.Prometheus has it.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/host/detail/framework_endpoints.hpp>

#include "vectors.hpp"

namespace {

using namespace mamey;

/// What the recording program itself answered.
constexpr std::string_view program[] = {"/orders/1", "/orders/2", "/err", "/fail", "/nope", "/metricsx"};

TEST(metrics_access, is_that_of_convey_or_listed) {
  mamey::testing::vectors recorded("metrics", "convey-prometheus.json");
  health::registry health;
  metrics::registry figures;
  const management_options management;
  int number = 0;
  for (const auto each : recorded.document()["cases"].get_array()) {
    const auto input = each["input"];
    const auto section = input["prometheus"];
    prometheus_options options;
    std::string_view text;
    simdjson::dom::array hosts;
    options.enabled = bool(section["enabled"]);
    if (section["apiKey"].get(text) == simdjson::SUCCESS) options.api_key = text;
    if (section["endpoint"].get(text) == simdjson::SUCCESS) options.endpoint = text;
    if (section["allowedHosts"].get(hosts) == simdjson::SUCCESS) {
      for (const auto host : hosts) options.allowed_hosts.emplace_back(std::string_view(host));
    }
    std::vector<http::header_field> headers;
    for (const auto [name, value] : input["headers"].get_object()) headers.push_back({name, std::string_view(value)});
    const auto target = std::string_view(input["request"]);
    const auto name = std::to_string(++number) + " " + std::string(target);
    if (std::ranges::find(program, target) != std::end(program)) continue;
    auto request = http::request::make(http_method::get, target, headers);
    http::response response;
    web::router routes(
        framework_routes({.health = health, .metrics = figures, .management = management, .exposition = options}, "orders", {}));
    routes.handle(request, response);
    const auto told = [](std::int64_t status, std::string_view type) {
      return std::to_string(status) + (status == 200 ? " " + std::string(type) : std::string());
    };
    recorded.compare(name, told(std::int64_t(each["expected"]["status"]), std::string_view(each["expected"]["content_type"])),
                     told(response.status(), response.content_type()));
  }
}

}  // namespace
