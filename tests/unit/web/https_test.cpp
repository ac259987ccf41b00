#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include <mamey/core/error.hpp>
#include <mamey/http/client.hpp>
#include <mamey/runtime/fiber.hpp>
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

TEST_F(https, a_certificate_must_name_the_service_that_was_asked_for_wherever_a_resolver_sends_the_call) {
  files.issue("server", "DNS:pricing,IP:127.0.0.1");
  start({.verify = tls_verify::none});
  loops.run([&] {
    http::client client(loops, trusting());
    client.set_resolver("phonebook", [&](std::string_view) { return url; });
    const auto body_of = [&](const std::string& from) {
      try {
        return client.get(from).body;
      } catch (const error& failed) {
        return failed.code() + ": " + failed.what();
      }
    };
    EXPECT_EQ(client.service("pricing").get("/a").body, "GET /a ");
    const auto other = body_of("https://catalog/a");
    EXPECT_NE(other.find("tls_failed: "), std::string::npos) << other << ": the connection of pricing must not serve it";
    EXPECT_NE(other.find("the certificate is for another name"), std::string::npos) << other;
    EXPECT_EQ(body_of(url + "/b"), "GET /b ") << "an address is asked for by itself";
    EXPECT_EQ(client.service("pricing").get("/c").body, "GET /c ");
  });
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

TEST_F(https, each_address_may_have_a_certificate_and_demands_of_its_own) {
  files.issue("orders");
  files.issue("other", "DNS:other.example", 1);
  const auto of = [&](const std::string& name) {
    return tls_options{
        .ca_file = files.ca(), .certificate_file = files.certificate(name), .key_file = files.key(name), .verify = tls_verify::none};
  };
  server = std::make_unique<web::http_server>(
      loops, web::server_options{.urls = {"https://127.0.0.1:0", "https://127.0.0.1:0", "https://127.0.0.1:0"}, .tls = of("server")},
      handler);
  server->use_tls(1, of("other"));
  auto strict = of("server");
  strict.verify = tls_verify::required;
  server->use_tls(2, strict);
  server->start();
  const auto at = [&](std::size_t i) { return server->addresses()[i].url(); };
  EXPECT_EQ(call(trusting(), {.url = at(0)}), "GET / ");
  EXPECT_NE(call(trusting(), {.url = at(1)}).find("the certificate is for another name"), std::string::npos);
  EXPECT_NE(call(trusting(), {.url = at(2)}), "GET / ");
  auto with = trusting();
  with.tls.certificate_file = files.certificate("orders");
  with.tls.key_file = files.key("orders");
  EXPECT_EQ(call(with, {.url = at(2)}), "GET / ");
  EXPECT_LT(*server->certificate_expires(), wall_now() + std::chrono::hours(36)) << "the first of them to end";
}

TEST_F(https, who_speaks_no_tls_or_stops_in_the_handshake_gets_nothing_and_harms_nobody) {
  start({.verify = tls_verify::none}, {.header_timeout = std::chrono::milliseconds(50)});
  const auto port = server->addresses()[0].port;
  raw_client plain(port), silent(port);
  EXPECT_FALSE(plain.ask("HELO there\r\n").has_value());
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

TEST_F(https, who_speaks_http_is_told_to_speak_https) {
  start({.verify = tls_verify::none});
  raw_client plain(server->addresses()[0].port);
  const auto answer = plain.ask(get("/"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 400);
  EXPECT_NE(answer->body.find("https"), std::string::npos);
  EXPECT_EQ(plain.wait_for_end(), closing::orderly);
}

TEST_F(https, a_certificate_that_is_renewed_on_disk_is_picked_up_by_server_and_client) {
  files.issue("server", "DNS:localhost,IP:127.0.0.1", 1);
  start({.verify = tls_verify::none});
  const auto first = server->certificate_expires();
  ASSERT_TRUE(first);
  // Another authority and a certificate of it: half-way through the replacement nothing changes.
  mamey::testing::authority others;
  others.issue("server", "DNS:localhost,IP:127.0.0.1", 9);
  const auto replace = [&](const std::string& with, const std::string& what) { std::filesystem::rename(with, what); };
  const auto by_name = "https://localhost:" + std::to_string(server->addresses()[0].port);  // another pool of the client
  loops.run([&] {
    http::client client(loops, {.retries = 0, .tls = {.ca_file = files.ca()}, .breaker_failures = 0});
    const auto until = [](const auto& condition) {
      const auto deadline = steady_now() + std::chrono::seconds(20);
      while (!condition() && steady_now() < deadline) sleep_for(std::chrono::milliseconds(20));
      return condition();
    };
    const auto trusted = [&] {
      try {
        return client.get(by_name).status == 200;
      } catch (const error&) {
        return false;
      }
    };
    EXPECT_EQ(client.get(url).status, 200);
    replace(others.certificate("server"), files.certificate("server"));
    sleep_for(std::chrono::milliseconds(1100));  // longer than files are left alone
    EXPECT_EQ(server->certificate_expires(), first) << "with a key of another certificate it cannot be used";
    EXPECT_EQ(client.get(url).status, 200);
    replace(others.key("server"), files.key("server"));
    EXPECT_TRUE(until([&] { return server->certificate_expires() > *first + std::chrono::days(7); }));
    EXPECT_FALSE(trusted());
    EXPECT_EQ(client.get(url).status, 200) << "what is open stays";
    replace(others.ca(), files.ca());
    EXPECT_TRUE(until(trusted));
  });
}

TEST_F(https, a_certificate_that_became_a_pipe_holds_nobody_up) {
  start({.verify = tls_verify::none});
  std::filesystem::remove(files.certificate("server"));
  ASSERT_EQ(::mkfifo(files.certificate("server").c_str(), 0600), 0);
  loops.run([&] {
    http::client client(loops, {.retries = 0, .tls = {.ca_file = files.ca()}, .breaker_failures = 0});
    const auto end = steady_now() + std::chrono::milliseconds(1500);  // longer than files are left alone
    do {
      EXPECT_EQ(client.get(url).status, 200);
      server->certificate_expires();
      sleep_for(std::chrono::milliseconds(20));
    } while (steady_now() < end);
  });
  EXPECT_THROW(tls_context::for_clients({.ca_file = files.certificate("server")}), std::runtime_error) << "at the start it is refused";
}

TEST_F(https, demands_on_clients_that_cannot_be_met_are_refused) {
  EXPECT_THROW(start({.verify = tls_verify::required}), std::invalid_argument) << "without caFile every authority of the system would do";
  EXPECT_THROW(start({.verify = tls_verify::if_given}), std::invalid_argument);
}

TEST_F(https, old_ciphers_are_not_offered_and_a_client_of_another_protocol_is_refused) {
  start({.verify = tls_verify::none});
  const auto connects = [&](const std::string& how) {
    const auto command = "echo | timeout 10 openssl s_client -connect 127.0.0.1:" + std::to_string(server->addresses()[0].port) + " " +
                         how + " >/dev/null 2>&1";
    return std::system(command.c_str()) == 0;
  };
  EXPECT_TRUE(connects("-tls1_3"));
  EXPECT_TRUE(connects("-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256"));
  EXPECT_TRUE(connects("-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305"));
  EXPECT_FALSE(connects("-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256")) << "CBC";
  EXPECT_FALSE(connects("-tls1_2 -cipher AES128-GCM-SHA256")) << "no forward secrecy";
  EXPECT_TRUE(connects("-alpn h2,http/1.1"));
  EXPECT_FALSE(connects("-alpn ftp"));
}

TEST_F(https, an_https_url_needs_a_certificate) {
  web::http_server lacking(loops, {.urls = {"https://127.0.0.1:0"}}, handler);
  EXPECT_THROW(lacking.start(), std::invalid_argument);
}

}  // namespace
