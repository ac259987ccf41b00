#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <mamey/core/configuration.hpp>
#include <mamey/feature/composition.hpp>
#include <mamey/messaging/bus_naming.hpp>
#include <mamey/messaging/queue.hpp>
#include <mamey/messaging/store.hpp>
#include <mamey/messaging/transport.hpp>

namespace mamey::testing {

/// Keeps the store and the transport that a feature offers.
class captured_composition final : public composition {
 public:
  mamey::services& services() override { throw std::logic_error("not asked for"); }
  void use_store(engine, std::function<std::unique_ptr<store>(const environment&)> open) override {
    open_store = [open = std::move(open)](environment around) {
      std::vector<configuration_problem> remarks;
      const auto naming = read_bus_naming(*around.configuration, around.application, remarks);
      if (around.naming == nullptr) around.naming = &naming;  // as the host gives it
      return open(around);
    };
  }
  void offer_queues(std::string, std::function<std::unique_ptr<durable_queues>(const environment&)>) override {}
  void use_transport(engine, std::function<std::shared_ptr<transport>(const environment&)> open) override {
    open_transport = std::move(open);
  }
  void use_messaging() override {}
  void on_start(std::string, std::function<void(const environment&)>) override {}
  void filter_requests(request_stage, std::string, std::function<request_filter(const environment&)>) override {}
  void add_route(feature_route) override {}
  void run_in_background(std::string, std::function<void(const environment&)>) override {}
  void on_stop(shutdown_stage, std::string, std::function<void(const environment&)>) override {}
  void add_configuration(std::string, std::function<std::vector<configured_value>(const environment&)>) override {}
  void on_change(std::string, configuration_changes::listener) override {}
  void resolve_services(std::string, std::function<http::address_resolver(const environment&)>) override {}
  void add_log_sink(std::string, std::function<std::shared_ptr<log_sink>(const environment&)>) override {}
  void export_spans(std::string, std::function<std::shared_ptr<tracing::span_exporter>(const environment&)>) override {}
  void sample_roots(std::string, std::function<tracing::root_sampler(const environment&)>) override {}
  std::function<std::unique_ptr<store>(const environment&)> open_store;
  std::function<std::shared_ptr<transport>(const environment&)> open_transport;
};

}  // namespace mamey::testing
