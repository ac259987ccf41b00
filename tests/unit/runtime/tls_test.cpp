#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <system_error>

#include <mamey/core/error.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/stream.hpp>
#include <mamey/runtime/sync.hpp>
#include <mamey/runtime/tls.hpp>

#include "tests/support/certificates.hpp"

namespace {

using namespace std::chrono_literals;
using mamey::tls_context;

/// Both ends of a connection over this machine.
struct pair {
  pair() {
    listener.start([this](mamey::socket_handle socket) { accepted.try_send(std::move(socket)); });
    client.emplace(mamey::tcp_stream::connect("127.0.0.1", listener.port(), 5s));
    peer.emplace(std::move(*accepted.receive()));
  }
  ~pair() { listener.close(); }

  mamey::tcp_listener listener{"127.0.0.1", 0};
  mamey::channel<mamey::socket_handle> accepted{4};
  std::optional<mamey::tcp_stream> client, peer;
};

std::string read_all(mamey::tcp_stream& stream) {
  std::string text;
  std::array<char, 1000> buffer;  // smaller than a record
  while (const auto count = stream.read_some(buffer, mamey::steady_now() + 5s)) text.append(buffer.data(), count);
  return text;
}

/// What the work throws; empty when nothing.
std::string fault_of(const std::function<void()>& work) {
  try {
    work();
    return {};
  } catch (const std::system_error& error) {
    return error.what();
  }
}

class tls : public testing::Test {
 protected:
  /// What client and server complain of when they shake hands and the client reads until the end.
  struct outcome {
    std::string client, server;
  };
  outcome meet(const tls_context& client, const tls_context& server, const std::string& name = "localhost") {
    outcome result;
    process.run([&] {
      pair ends;
      mamey::with_scope([&](mamey::task_scope& scope) {
        scope.spawn("server", [&] {
          result.server = fault_of([&] {
            ends.peer->start_tls(server, "", mamey::steady_now() + 5s);
            ends.peer->write("hello");
          });
          ends.peer->close();
        });
        result.client = fault_of([&] {
          ends.client->start_tls(client, name, mamey::steady_now() + 5s);
          EXPECT_EQ(read_all(*ends.client), "hello");
        });
        ends.client->close();
      });
    });
    return result;
  }

  tls_context server_with(const std::string& name) {
    return tls_context::for_servers(
        {.certificate_file = files.certificate(name), .key_file = files.key(name), .verify = mamey::tls_verify::none});
  }
  tls_context client() { return tls_context::for_clients({.ca_file = files.ca()}); }

  mamey::testing::authority files;
  mamey::runtime process{{.threads = 1}};
};

TEST_F(tls, carries_more_than_the_kernel_buffers_both_ways_at_once) {
  files.issue("server");
  const auto server = server_with("server");
  process.run([&] {
    pair ends;
    const std::string large(4'000'000, 'x');
    mamey::with_scope([&](mamey::task_scope& scope) {
      scope.spawn("echo", [&] {
        ends.peer->start_tls(server);
        std::array<char, 30'000> buffer;
        while (const auto count = ends.peer->read_some(buffer)) ends.peer->write({buffer.data(), count});
        ends.peer->shutdown_write();
      });
      ends.client->start_tls(client(), "localhost");
      scope.spawn("writer", [&] {
        ends.client->write(large);
        ends.client->shutdown_write();
      });
      EXPECT_TRUE(read_all(*ends.client) == large) << "everything, then the end";
    });
  });
}

TEST_F(tls, a_handshake_can_run_from_callbacks_and_what_is_decrypted_already_calls_back) {
  files.issue("server");
  const auto server = server_with("server");
  process.run([&] {
    pair ends;
    mamey::channel<std::string> parts{16};
    ends.peer->begin_tls(server);
    std::array<char, 3> buffer;  // "hello" takes two
    std::function<void()> readable = [&] {
      if (const auto count = ends.peer->try_read(buffer)) parts.try_send({buffer.data(), *count});
      ends.peer->on_readable(readable);
    };
    ends.peer->on_readable(readable);
    ends.client->start_tls(client(), "127.0.0.1", mamey::steady_now() + 5s);
    ends.client->write("hello");
    EXPECT_EQ(*parts.receive(), "hel");
    EXPECT_EQ(*parts.receive(), "lo");
    ends.peer->on_readable({});
  });
}

TEST_F(tls, says_what_is_wrong_with_a_certificate) {
  files.issue("expired", "DNS:localhost", -1);
  files.issue("other", "DNS:elsewhere.example");
  mamey::testing::authority stranger;
  stranger.issue("server");
  const auto stranger_server = tls_context::for_servers(
      {.certificate_file = stranger.certificate("server"), .key_file = stranger.key("server"), .verify = mamey::tls_verify::none});

  const auto expired = meet(client(), server_with("expired"));
  EXPECT_EQ(expired.client, "TLS with localhost: the certificate has expired");
  EXPECT_EQ(expired.server.substr(0, 14), "TLS with the p") << "the server hears of it: " << expired.server;
  EXPECT_EQ(meet(client(), server_with("other")).client, "TLS with localhost: the certificate is for another name");
  EXPECT_EQ(meet(client(), stranger_server).client, "TLS with localhost: the certificate comes from an unknown authority");
  EXPECT_EQ(meet(tls_context::for_clients({.verify = mamey::tls_verify::none}), stranger_server).client, "") << "asked to let it pass";
}

TEST_F(tls, authorities_of_the_system_that_are_updated_are_believed_by_the_next_connection) {
  files.issue("server");
  mamey::testing::authority others;
  std::filesystem::copy_file(others.ca(), files.file("system.pem"));
  ::setenv("SSL_CERT_FILE", files.file("system.pem").c_str(), 1);
  const auto client = tls_context::for_clients();
  EXPECT_EQ(meet(client, server_with("server")).client, "TLS with localhost: the certificate comes from an unknown authority");
  std::filesystem::copy_file(files.ca(), files.file("system.new"));
  std::filesystem::rename(files.file("system.new"), files.file("system.pem"));
  const auto until = std::chrono::steady_clock::now() + 60s;
  std::string fault;
  do {
    fault = meet(client, server_with("server")).client;
  } while (!fault.empty() && std::chrono::steady_clock::now() < until);
  ::unsetenv("SSL_CERT_FILE");
  EXPECT_EQ(fault, "");
}

TEST_F(tls, a_server_can_demand_certificates_of_its_clients) {
  files.issue("server");
  files.issue("orders");
  const mamey::tls_options base{.ca_file = files.ca(), .certificate_file = files.certificate("server"), .key_file = files.key("server")};
  const auto strict = tls_context::for_servers(base);
  auto lenient_options = base;
  lenient_options.verify = mamey::tls_verify::if_given;

  const auto without = meet(client(), strict);
  EXPECT_EQ(without.server, "TLS with the peer: the peer gave no certificate");
  EXPECT_NE(without.client.find("the peer refused"), std::string::npos) << without.client;
  EXPECT_EQ(meet(client(), tls_context::for_servers(lenient_options)).server, "");

  files.run("pkcs12 -export -inkey orders.key -in orders.pem -certfile ca.pem -passout pass:secret -out orders.pfx");
  const auto with = tls_context::for_clients({.ca_file = files.ca(), .certificate_file = files.file("orders.pfx"), .password = "secret"});
  const auto known = meet(with, strict);
  EXPECT_EQ(known.client + known.server, "") << "a PKCS#12 file, as well";
}

TEST_F(tls, an_end_without_notice_is_an_error_and_not_the_end_of_the_stream) {
  files.issue("server");
  const auto server = server_with("server");
  process.run([&] {
    pair ends;
    mamey::with_scope([&](mamey::task_scope& scope) {
      scope.spawn("server", [&] {
        ends.peer->start_tls(server);
        ends.peer->write("half");
        ::shutdown(ends.peer->descriptor(), SHUT_RDWR);
      });
      ends.client->start_tls(client(), "localhost");
      EXPECT_EQ(fault_of([&] { read_all(*ends.client); }), "TLS with localhost: the connection was cut off");
    });
  });
}

TEST_F(tls, a_peer_that_speaks_something_else_or_nothing_is_told_from_a_bad_certificate) {
  process.run([&] {
    pair ends;
    ends.peer->write("HTTP/1.1 400 Bad Request\r\n\r\n");
    EXPECT_EQ(fault_of([&] { ends.client->start_tls(client(), "localhost"); }), "TLS with localhost: the peer does not speak TLS");
    pair silent;
    EXPECT_THROW(silent.client->start_tls(client(), "localhost", mamey::steady_now() + 5ms), mamey::deadline_exceeded);
  });
}

TEST_F(tls, a_context_names_the_file_that_is_wrong) {
  files.issue("server");
  files.issue("other");
  const auto complaint = [](const mamey::tls_options& options) -> std::string {
    try {
      tls_context::for_servers(options);
      return {};
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  };
  EXPECT_EQ(complaint({.certificate_file = "/nowhere.pem"}), "/nowhere.pem: cannot be read, or is empty: No such file or directory");
  EXPECT_EQ(complaint({}), "a TLS server needs a certificate: set certificateFile");
  const auto mixed = complaint({.certificate_file = files.certificate("server"), .key_file = files.key("other")});
  EXPECT_EQ(mixed.find(files.key("other") + ": is not the key of " + files.certificate("server")), 0U) << mixed;
  files.run("pkcs12 -export -inkey server.key -in server.pem -passout pass:secret -out server.pfx");
  const auto locked = complaint({.certificate_file = files.file("server.pfx"), .password = "wrong"});
  EXPECT_EQ(locked.find(files.file("server.pfx") + ": cannot be opened with its password"), 0U) << locked;
}

}  // namespace
