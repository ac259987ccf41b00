#include <gtest/gtest.h>

#include <string>

#include <mamey/core/configuration.hpp>
#include <mamey/core/error.hpp>
#include <mamey/observability/metrics.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/web/counted_router.hpp>
#include <mamey/web/host_filter.hpp>

namespace mamey {
namespace {

using web::counted_router;
using web::host_filter;

host_filter of(const std::string& allowed) {
  configuration values;
  values.set("AllowedHosts", allowed, "the test");
  return host_filter(values);
}

TEST(host_filter, lets_in_the_hosts_that_are_named_with_any_port_and_case) {
  const auto filter = of("api.example.com; *.shop.test ;[::1]");
  for (const auto* host : {"api.example.com", "API.example.com:8080", "a.shop.test", "a.b.shop.test:1", "[::1]:5000", "[::1]", ""})
    EXPECT_TRUE(filter.allows(host)) << host;
  for (const auto* host : {"evil.test", "example.com", "x.api.example.com", "shop.test", ".shop.test.evil", "evilshop.test", "[::2]:5000",
                           "api.example.com.evil"})
    EXPECT_FALSE(filter.allows(host)) << host;
}

TEST(host_filter, a_star_and_nothing_let_everybody_in) {
  for (const auto* all : {"*", "", " ; ", "a.test;*", "[::]", "0.0.0.0"}) EXPECT_TRUE(of(all).allows("anybody.test")) << all;
  EXPECT_TRUE(host_filter(configuration()).allows("anybody.test"));
}

TEST(host_filter, a_name_that_no_request_can_match_refuses_the_start_with_its_place) {
  for (const auto* wrong : {"api.example.com:8080", "https://api.example.com", "a.test;b.test:1"}) {
    try {
      of(wrong);
      ADD_FAILURE() << wrong;
    } catch (const configuration_error& refused) {
      EXPECT_EQ(refused.reason().find("the test: AllowedHosts: expected names of hosts without scheme and port"), 0U) << refused.reason();
    }
  }
}

TEST(host_filter, another_host_is_answered_400_whatever_the_route) {
  metrics::registry registry;
  metrics::http_server_metrics counts(registry);
  counted_router router({{.method = http_method::get,
                          .pattern = "/health/live",
                          .handle = [](http::request&, http::response& response) { response.set_status(200); }}},
                        counts, "orders", of("api.example.com"));
  const auto status_of = [&](std::string host) {
    const http::header_field fields[] = {{"Host", host}};
    auto request = http::request::make(http_method::get, "/health/live", fields);
    http::response response;
    const context_scope of_the_request({});
    router.handle(request, response);
    return response.status();
  };
  EXPECT_EQ(status_of("api.example.com"), 200);
  EXPECT_EQ(status_of("evil.test"), 400);
}

}  // namespace
}  // namespace mamey
