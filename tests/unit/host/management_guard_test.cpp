#include <gtest/gtest.h>

#include <mamey/core/error.hpp>
#include <mamey/host/detail/management_guard.hpp>

namespace mamey::testing {
namespace {

using fields = std::vector<http::header_field>;

std::string refusal(const fields& headers, std::string_view peer = "127.0.0.1", const management_options& options = {},
                    std::string_view target = "/logging/level?level=debug&from=http://x") {
  http::request request;
  EXPECT_TRUE(request.assign({.method = "POST", .target = target, .body = "", .peer = peer, .headers = headers}));
  return refusal_of_management(request, options);
}

TEST(management, a_request_made_on_this_machine_for_this_machine_is_the_operators) {
  for (const auto* host : {"localhost", "LOCALHOST:5000", "127.0.0.1", "127.0.0.1:5000", "127.8.8.8:1", "[::1]", "[::1]:5000"})
    EXPECT_EQ(refusal({{"Host", host}}), "") << host;
  EXPECT_EQ(refusal({{"Host", "localhost"}}, "::1"), "");
  EXPECT_EQ(refusal({{"Host", "localhost"}}, "::ffff:127.0.0.1"), "");
  EXPECT_EQ(refusal({{"Host", "localhost:5000"}, {"Origin", "http://localhost:5000"}, {"Sec-Fetch-Site", "same-origin"}}), "")
      << "a page of the service itself";
}

TEST(management, other_machines_and_whoever_a_proxy_speaks_for_are_not) {
  EXPECT_NE(refusal({{"Host", "localhost"}}, "10.0.0.7").find("another machine"), std::string::npos);
  for (const auto* name :
       {"X-Forwarded-For", "x-forwarded-proto", "X-Forwarded-Host", "Forwarded", "Via", "X-Real-IP", "X-Original-For", "X-Forwarded",
        "X-Forwarded_For", "CF-Connecting-IP", "True-Client-IP", "X-Envoy-External-Address", "X-Cluster-Client-IP", "fly-client-ip"}) {
    EXPECT_NE(refusal({{"Host", "localhost"}, {name, "127.0.0.1"}}).find(name), std::string::npos) << name;
  }
}

TEST(management, nor_are_pages_of_others_and_names_that_lead_here) {
  for (const auto* host :
       {"evil.example", "127.0.0.1.evil.example", "127.evil.example", "localhost.evil.example", "[::1].evil", "10.0.0.7", "[::2]"}) {
    EXPECT_NE(refusal({{"Host", host}}).find("Host"), std::string::npos) << host;
  }
  EXPECT_NE(refusal({{"Host", "localhost"}, {"Origin", "https://evil.example"}}), "");
  EXPECT_NE(refusal({{"Host", "localhost"}, {"Origin", "null"}}), "");
  EXPECT_NE(refusal({{"Host", "localhost"}, {"Sec-Fetch-Site", "cross-site"}}), "");
  EXPECT_NE(refusal({{"Host", "localhost"}, {"Sec-Fetch-Site", "same-site"}}), "");
}

TEST(management, the_authority_of_a_whole_url_counts_as_host) {
  EXPECT_NE(refusal({}, "127.0.0.1", {}, "http://evil.example/logging/level"), "") << "HTTP/1.0 may do without a Host";
  EXPECT_NE(refusal({}, "127.0.0.1", {}, "http://127.0.0.1.evil.example?x"), "");
  EXPECT_EQ(refusal({{"Host", "localhost:5000"}}, "127.0.0.1", {}, "http://localhost:5000/logging/level"), "");
}

TEST(management, with_a_key_the_key_alone_decides) {
  const management_options options{.api_key = "s3cret"};
  EXPECT_EQ(refusal({{"Host", "orders.example"}, {"X-Forwarded-For", "10.0.0.7"}, {"X-Api-Key", "s3cret"}}, "10.0.0.7", options), "");
  for (const auto* wrong : {"", "s3cre", "s3creT", "s3cret2"})
    EXPECT_NE(refusal({{"Host", "localhost"}, {"X-Api-Key", wrong}}, "127.0.0.1", options), "") << wrong;
  EXPECT_NE(refusal({{"Host", "localhost"}}, "127.0.0.1", options), "");
}

}  // namespace
}  // namespace mamey::testing
