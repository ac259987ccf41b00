#pragma once

/// @file
/// One node for all tests of the executable.

#include <memory>

#include <gtest/gtest.h>

#include "tests/support/certificates.hpp"
#include "tests/support/private_rabbitmq.hpp"

namespace mamey::testing {

class rabbitmq_node final : public ::testing::Environment {
 public:
  void SetUp() override {
    certificates = std::make_unique<authority>();
    certificates->issue("broker");
    certificates->issue("client");
    running = std::make_unique<private_rabbitmq>(private_rabbitmq_options{.virtual_hosts = 30, .certificates = certificates.get()});
  }
  void TearDown() override {
    running.reset();
    certificates.reset();
  }
  static inline std::unique_ptr<authority> certificates;
  static inline std::unique_ptr<private_rabbitmq> running;
  static inline int next = 0;  ///< virtual hosts taken
};
inline const auto* const node_of_all = ::testing::AddGlobalTestEnvironment(new rabbitmq_node);

}  // namespace mamey::testing
