#pragma once

/// @file
/// One node for all tests of the executable.

#include <chrono>
#include <memory>

#include <gtest/gtest.h>

#include "tests/support/certificates.hpp"
#include "tests/support/private_rabbitmq.hpp"

namespace mamey::testing {

constexpr std::chrono::seconds patience{
    300};  ///< for what takes a moment where nothing else runs; a broker that starts has a deadline of its own

class rabbitmq_node final : public ::testing::Environment {
 public:
  void SetUp() override {
    certificates = std::make_unique<authority>();
    certificates->issue("broker");
    certificates->issue("client");
    certificates->issue("stranger");
    running = std::make_unique<private_rabbitmq>(private_rabbitmq_options{
        .extra_configuration = "auth_mechanisms.1 = PLAIN\nauth_mechanisms.2 = EXTERNAL\nssl_cert_login_from = common_name\n",
        .plugins = "rabbitmq_auth_mechanism_ssl",
        .certificates = certificates.get()});
  }
  void TearDown() override {
    running.reset();
    certificates.reset();
  }
  static inline std::unique_ptr<authority> certificates;
  static inline std::unique_ptr<private_rabbitmq> running;
};
inline const auto* const node_of_all = ::testing::AddGlobalTestEnvironment(new rabbitmq_node);

}  // namespace mamey::testing
