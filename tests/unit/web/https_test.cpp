#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include <mamey/core/error.hpp>
#include <mamey/http/client.hpp>
#include <mamey/runtime/runtime.hpp>

#include "server_fixture.hpp"
#include "tests/support/certificates.hpp"

namespace {

using namespace mamey;
using namespace mamey_test;

class https : public ::testing::Test {
 protected:
  https() { files.issue("server"); }

  /// An https server and a plain one in one process.
  void start(tls_options tls, web::server_options options = {}) {
    tls.certificate_file = files.certificate("server");
    tls.key_file = files.key("server");
    options.urls = {"https://127.0.0.1:0", "http://127.0.0.1:0"};
    options.tls = tls;
    server = std::make_unique<web::http_server>(loops, options, handler);
    server->start();
    url = server->addresses()[0].url();
  }
  /// The answer's body, or what the call throws.
  std::string call(const http::client_options& options, const http::client_request& what) {
    std::string result;
    loops.run([&] {
      http::client client(loops, options);
      try {
        result = client.send(what).body;
      } catch (const error& failed) {
        result = failed.code() + ": " + failed.what();
      }
    });
    return result;
  }
  http::client_options trusting() const { return {.retries = 0, .tls = {.ca_file = files.ca()}}; }

  mamey::testing::authority files;
  runtime loops{{.threads = 2}};
  function_handler handler{echo};
  std::unique_ptr<web::http_server> server;
  std::string url;
};

TEST_F(https, one_server_speaks_both_and_the_client_keeps_the_connections_apart) {
  start({.verify = tls_verify::none});
  EXPECT_EQ(url.substr(0, 18), "https://127.0.0.1:");
  loops.run([&] {
    http::client client(loops, trusting());
    const std::string large(3'000'000, 'x');
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(client.get(url + "/a").body, "GET /a ");
      EXPECT_EQ(client.get(server->addresses()[1].url() + "/a").body, "GET /a ");
      EXPECT_EQ(client.send({.method = http_method::post, .url = url + "/b", .body = large, .content_type = "text/plain"}).body,
                "POST /b " + large);
    }
    EXPECT_EQ(client.read_statistics().connections_opened, 2U) << "one each, used again";
  });
}

TEST_F(https, a_server_that_cannot_be_trusted_is_not_called_and_the_client_says_why) {
  start({.verify = tls_verify::none});
  const auto strange = call({.retries = 0}, {.url = url});
  EXPECT_NE(strange.find("tls_failed: "), std::string::npos) << strange;
  EXPECT_NE(strange.find("the certificate comes from an unknown authority"), std::string::npos) << strange;
  files.issue("server", "DNS:elsewhere.example");
  start({.verify = tls_verify::none});
  const auto other = call(trusting(), {.url = url});
  EXPECT_NE(other.find("the certificate is for another name"), std::string::npos) << other;
  EXPECT_EQ(server->read_statistics().requests, 0U);
}

TEST_F(https, clients_may_have_to_show_a_certificate) {
  files.issue("orders");
  start({.ca_file = files.ca(), .verify = tls_verify::required});
  EXPECT_NE(call(trusting(), {.url = url}), "GET / ");
  auto with = trusting();
  with.tls.certificate_file = files.certificate("orders");
  with.tls.key_file = files.key("orders");
  EXPECT_EQ(call(with, {.url = url}), "GET / ");
}

TEST_F(https, who_speaks_no_tls_or_stops_in_the_handshake_gets_nothing_and_harms_nobody) {
  start({.verify = tls_verify::none}, {.header_timeout = std::chrono::milliseconds(50)});
  const auto port = server->addresses()[0].port;
  raw_client plain(port), silent(port);
  EXPECT_FALSE(plain.ask(get("/")).has_value());
  EXPECT_NE(plain.wait_for_end(), closing::not_at_all);
  EXPECT_NE(silent.wait_for_end(), closing::not_at_all) << "the handshake is under the header's timeout";
  EXPECT_EQ(call(trusting(), {.url = url}), "GET / ");
}

TEST_F(https, closing_ends_idle_and_half_open_connections) {
  start({.verify = tls_verify::none});
  raw_client half(server->addresses()[0].port);
  loops.run([&] {
    http::client client(loops, trusting());
    EXPECT_EQ(client.get(url).status, 200);
    server->stop_accepting();
    EXPECT_TRUE(server->drain(steady_now() + std::chrono::milliseconds(1)));
    server->close();
  });
  EXPECT_NE(half.wait_for_end(), closing::not_at_all);
}

TEST_F(https, an_https_url_needs_a_certificate) {
  web::http_server lacking(loops, {.urls = {"https://127.0.0.1:0"}}, handler);
  EXPECT_THROW(lacking.start(), std::invalid_argument);
}

}  // namespace
