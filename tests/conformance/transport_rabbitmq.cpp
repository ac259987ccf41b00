#include <atomic>

#include <mamey/messaging/rabbitmq/transport.hpp>

#include "../support/private_rabbitmq.hpp"
#include "transport_conformance.hpp"

namespace mamey::testing {
namespace {

/// One node for all cases; each has a virtual host of its own.
class rabbitmq_node final : public ::testing::Environment {
 public:
  void SetUp() override { running = std::make_unique<private_rabbitmq>(); }
  void TearDown() override { running.reset(); }

  static inline std::unique_ptr<private_rabbitmq> running;
};
const auto* const node = ::testing::AddGlobalTestEnvironment(new rabbitmq_node);

class rabbitmq_bench final : public transport_bench {
 public:
  explicit rabbitmq_bench(mamey::runtime& on) : on_(on), virtual_host_(rabbitmq_node::running->new_virtual_host()) {}
  std::shared_ptr<transport> open() override {
    return std::make_shared<rabbitmq_transport>(on_.system_loop(),
                                                rabbitmq_options{.host_names = {"127.0.0.1"},
                                                                 .port = rabbitmq_node::running->port(),
                                                                 .virtual_host = virtual_host_,
                                                                 .identity = {.key_id = "k", .secrets = {{"k", std::string(32, 's')}}}},
                                                "conformance");
  }

 private:
  mamey::runtime& on_;
  const std::string virtual_host_;
};

const transport_subject rabbitmq{.name = "RabbitMQ",
                                 .expected = {.name = "rabbitMq",
                                              .persistent = true,
                                              .several_processes = true,
                                              .ordered_by_key = true,
                                              .keeps_place = true,
                                              .holds_places = true,
                                              .counts_starts = false,
                                              .delayed_give_back = true,
                                              .competing_consumers = true,
                                              .reports_unroutable = true,
                                              .confirms_after_handling = false},
                                 .make = [](mamey::runtime& on) { return std::make_unique<rabbitmq_bench>(on); }};

INSTANTIATE_TEST_SUITE_P(rabbitmq, transport_conformance, all_cases_of(rabbitmq), case_name);

}  // namespace
}  // namespace mamey::testing
