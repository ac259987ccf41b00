#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include <mamey/messaging/composition.hpp>

namespace mamey::testing {

/// Keeps the store that a feature offers.
class captured_composition final : public composition {
 public:
  mamey::services& services() override { throw std::logic_error("not asked for"); }
  void use_store(engine, std::function<std::unique_ptr<store>(const environment&)> open) override { open_store = std::move(open); }
  void offer_queues(std::string, std::function<std::unique_ptr<durable_queues>(const environment&)>) override {}
  void use_transport(engine, std::function<std::shared_ptr<transport>(const environment&)>) override {}
  void use_messaging() override {}
  void on_start(std::string, std::function<void(const environment&)>) override {}
  std::function<std::unique_ptr<store>(const environment&)> open_store;
};

}  // namespace mamey::testing
