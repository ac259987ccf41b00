// Hosts, users and certificates.
#include <filesystem>

#include "../support/tcp_gate.hpp"
#include "rabbitmq_broker.hpp"

namespace mamey::testing {
namespace {

TEST_F(rabbitmq_broker, many_hosts_are_tried_until_one_answers) {
  auto with = options();
  with.host_names = {"127.0.0.1:1", "127.0.0.1:" + std::to_string(node().port())};
  auto through = open(with);
  EXPECT_NO_THROW(through->declare(stock()));
}

TEST_F(rabbitmq_broker, a_host_that_takes_the_connection_and_says_nothing_is_left_for_the_next) {
  tcp_gate silent(node().port());
  silent.swallow(true);
  auto with = options();
  with.host_names = {"127.0.0.1:" + std::to_string(silent.port()), "127.0.0.1:" + std::to_string(node().port())};
  with.handshake_continuation_timeout = 500ms;
  auto through = open(with);
  EXPECT_NO_THROW(through->declare(stock()));
  EXPECT_GE(silent.accepted(), 1U);
}

TEST_F(rabbitmq_broker, a_wrong_password_is_said_as_such) {
  auto with = options();
  with.password = "wrong";
  auto through = open(with);
  try {
    through->declare(stock());
    FAIL() << "let in with a wrong password";
  } catch (const unavailable& refused) {
    EXPECT_NE(refused.reason().find("ACCESS_REFUSED"), std::string::npos) << refused.reason();
  }
}

TEST_F(rabbitmq_broker, speaks_tls_and_shows_its_certificate) {
  const auto& made = *rabbitmq_node::certificates;
  auto with = options();
  with.port = node().tls_port();
  with.ssl = {.enabled = true,
              .server_name = "localhost",
              .certificate_path = made.certificate("client"),
              .key_path = made.key("client"),
              .ca_certificate_path = made.ca()};
  auto through = open(with);
  through->declare(stock());
  told<delivery> inbox;
  const auto reading = through->subscribe({.queue = "stock"}, [&](delivery next) { inbox.add(std::move(next)); }, {});
  publishing out(*through);
  ASSERT_TRUE(out.await(channel_state::ready));
  const std::string large(3'000'000, 'x');
  out.send(1, "created", large);
  EXPECT_EQ(out.outcome_of(1).result, publish_result::confirmed);
  auto got = inbox.next();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->message->body, large);
  got->settle->acknowledge();
}

class rabbitmq_tls : public rabbitmq_broker {
 protected:
  rabbitmq_options with_certificate(const std::string& name) const {
    const auto& made = *rabbitmq_node::certificates;
    auto with = options();
    with.port = node().tls_port();
    with.ssl = {.enabled = true,
                .server_name = "localhost",
                .certificate_path = made.certificate(name),
                .key_path = made.key(name),
                .ca_certificate_path = made.ca()};
    return with;
  }
  std::string refusal(const rabbitmq_options& with) {
    try {
      open(with)->declare(stock());
      return "let in";
    } catch (const unavailable& refused) {
      return refused.reason();
    }
  }
  static void expect_words(const std::string& text, const std::string& words) { EXPECT_NE(text.find(words), std::string::npos) << text; }
};

TEST_F(rabbitmq_tls, who_is_not_who_it_should_be_is_refused_with_the_reason) {
  auto without = with_certificate("client");
  without.ssl.certificate_path = without.ssl.key_path = "";
  expect_words(refusal(without), "certificate required");
  auto misnamed = with_certificate("client");
  misnamed.ssl.server_name = "elsewhere";
  expect_words(refusal(misnamed), "elsewhere");
  const authority other;
  auto of_another = with_certificate("client");
  of_another.ssl.ca_certificate_path = other.ca();
  expect_words(refusal(of_another), "unknown authority");
  auto plain = with_certificate("client");
  plain.ssl = {};
  expect_words(refusal(plain), "speaks TLS on this port");
}

TEST_F(rabbitmq_tls, a_certificate_logs_in_by_itself) {
  node().evaluate(
      in_host("rabbit_auth_backend_internal:add_user(<<\"client\">>, <<\"unused\">>, <<\"t\">>), "
              "rabbit_auth_backend_internal:set_permissions(<<\"client\">>, HOST, <<\".*\">>, <<\".*\">>, <<\".*\">>, <<\"t\">>)."));
  auto with = with_certificate("client");
  with.ssl.external = true;
  with.username = with.password = "nobody";
  auto through = open(with);
  EXPECT_NO_THROW(through->declare(stock()));
  EXPECT_NE(node().evaluate("rabbit_networking:connection_info_all([user]).").find("<<\"client\">>"), std::string::npos);
  publishing out(*through);
  ASSERT_TRUE(out.await(channel_state::ready));
  out.send(1);
  EXPECT_EQ(out.outcome_of(1).result, publish_result::confirmed);
  auto stranger = with_certificate("stranger");
  stranger.ssl.external = true;
  expect_words(refusal(stranger), "ACCESS_REFUSED");
}

constexpr auto replace = std::filesystem::copy_options::overwrite_existing;

/// Files as an operator renews them: beside, then moved over those in use.
class renewed_files {
 public:
  std::string name(const std::string& file) const { return folder_.file(file); }
  void put(const std::string& file, const std::string& from) const {
    std::filesystem::copy_file(from, name(file) + ".new", replace);
    std::filesystem::rename(name(file) + ".new", name(file));
  }

 private:
  temporary_directory folder_;
};

class rabbitmq_renewal : public rabbitmq_tls {
 protected:
  rabbitmq_renewal() {
    files_.put("ca.pem", made_.ca());
    show("client");
  }
  void show(const std::string& certificate) {
    files_.put("own.key", made_.key(certificate));  // for a moment it does not fit the certificate
    files_.put("own.pem", made_.certificate(certificate));
  }
  /// Through the gate, whose connections can be cut.
  rabbitmq_options with_files() {
    auto with = with_certificate("client");
    with.port = gate_.port();
    with.ssl.certificate_path = files_.name("own.pem");
    with.ssl.key_path = files_.name("own.key");
    with.ssl.ca_certificate_path = files_.name("ca.pem");
    return with;
  }
  /// Whether the broker sees a connection of this test with that certificate, and none with another.
  bool shown_is(const std::string& certificate) {
    const auto seen = node().evaluate(
        "[proplists:get_value(peer_cert_subject, C) || C <- rabbit_networking:connection_info_all([peer_cert_subject, vhost]), "
        "proplists:get_value(vhost, C) =:= <<\"" +
        host_ + "\">>].");
    const bool others = seen.find("CN=" + std::string(certificate == "client" ? "stranger" : "client")) != std::string::npos;
    return !others && seen.find("CN=" + certificate) != std::string::npos;
  }
  template <class Condition>
  static bool eventually(Condition holds) {
    const auto until = steady_now() + patience;
    while (!holds()) {
      if (steady_now() > until) return false;
    }
    return true;
  }

  const authority& made_ = *rabbitmq_node::certificates;
  renewed_files files_;
  tcp_gate gate_{node().tls_port()};
};

TEST_F(rabbitmq_renewal, a_certificate_of_ours_that_was_renewed_is_shown_by_the_next_connection) {
  auto through = open(with_files());
  through->declare(stock());
  publishing out(*through);
  ASSERT_TRUE(out.await(channel_state::ready));
  EXPECT_TRUE(eventually([&] { return shown_is("client"); }));
  show("stranger");
  out.send(1);
  EXPECT_EQ(out.outcome_of(1).result, publish_result::confirmed);
  EXPECT_TRUE(shown_is("client")) << "what is open stays as it is";
  EXPECT_TRUE(eventually([&] {
    gate_.cut();  // more than once: files are looked at once a second
    if (!out.await(channel_state::ready)) return false;
    return shown_is("stranger");
  }));
  ASSERT_TRUE(out.await(channel_state::ready));
  out.send(2);
  EXPECT_EQ(out.outcome_of(2).result, publish_result::confirmed);
}

TEST_F(rabbitmq_renewal, an_authority_that_was_replaced_is_believed_by_the_next_connection) {
  auto through = open(with_files());
  through->declare(stock());
  publishing out(*through);
  ASSERT_TRUE(out.await(channel_state::ready));

  struct broker_files {  // in place, as the node reads them by their names; its cache of them would last for two minutes
    explicit broker_files(const authority& own) : own_(own) {
      std::filesystem::copy_file(own.certificate("broker"), own.file("kept.pem"), replace);
      std::filesystem::copy_file(own.key("broker"), own.file("kept.key"), replace);
    }
    ~broker_files() { take(own_.file("kept.pem"), own_.file("kept.key")); }
    void take(const std::string& certificate, const std::string& key) const {
      std::filesystem::copy_file(certificate, own_.certificate("broker"), replace);
      std::filesystem::copy_file(key, own_.key("broker"), replace);
      node().evaluate("ssl:clear_pem_cache().");
    }
    const authority& own_;
  } broker(made_);
  authority next;
  next.issue("broker");
  broker.take(next.certificate("broker"), next.key("broker"));
  gate_.cut();
  ASSERT_TRUE(out.await(channel_state::down));
  const auto refusal = [&]() -> std::string {
    try {
      through->declare(stock());
      return "let in";
    } catch (const unavailable& refused) {
      return refused.reason();
    }
  };
  // The connection of declarations may end a little later than the publisher's.
  const auto patience = steady_now() + 60s;
  auto reason = refusal();
  while (reason.find("went away") != std::string::npos && steady_now() < patience) reason = refusal();
  expect_words(reason, "unknown authority");
  files_.put("ca.pem", next.ca());
  ASSERT_TRUE(out.await(channel_state::ready)) << "it has gone on trying";
  out.send(1);
  EXPECT_EQ(out.outcome_of(1).result, publish_result::confirmed);
}

TEST_F(rabbitmq_broker, reads_a_client_certificate_from_a_pfx_file) {
  const auto& made = *rabbitmq_node::certificates;
  made.run("pkcs12 -export -in client.pem -inkey client.key -passout pass:geheim -out client.pfx");
  auto with = options();
  with.port = node().tls_port();
  with.ssl = {.enabled = true,
              .server_name = "localhost",
              .certificate_path = made.file("client.pfx"),
              .certificate_password = "geheim",
              .ca_certificate_path = made.ca()};
  EXPECT_NO_THROW(open(with)->declare(stock()));
}

}  // namespace
}  // namespace mamey::testing
