#pragma once

/// @file
/// What modules and applications are made of, before they run. For this folder and the test harness.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <mamey/cqrs/behaviour.hpp>
#include <mamey/cqrs/registry.hpp>
#include <mamey/host/endpoint.hpp>
#include <mamey/messaging/composition.hpp>
#include <mamey/messaging/versions.hpp>

namespace mamey::inline v1 {

/// An endpoint as declared: runs `in_place`, or the handler of `message` found when the application starts.
struct endpoint_definition {
  http_method method = http_method::get;
  std::string pattern;
  const message_info* message = nullptr;
  std::shared_ptr<handler_entry> in_place;
  answer how;
};

/// One step of an upcaster.
struct lift_definition {
  std::string type;
  int from_version = 1;
  upcasters::function run;
};

struct module_definition {
  std::string name;
  std::vector<handler_entry> handlers;
  std::vector<event_mapping> mappings;
  std::vector<rejection> rejections;
  std::vector<const message_info*> published;
  std::vector<const message_info*> subscribed;  ///< commands from the bus
  std::vector<const message_info*> ordered;
  std::vector<std::pair<std::string, std::string>> renamed;  ///< handler, earlier name
  std::vector<lift_definition> lifts;
  std::vector<endpoint_definition> endpoints;
  std::vector<std::function<void(services&)>> registrations;
  std::vector<std::function<behaviour&(service_provider&)>> behaviours;
};

/// Of a feature: what it brings and how that is opened.
template <class T>
struct offered {
  engine what;
  std::function<T(const environment&)> open;
};

struct application_definition final : composition {
  std::string name;
  std::vector<module_definition> modules;
  std::vector<std::function<void(mamey::services&)>> registrations;
  mamey::services feature_services;
  std::vector<offered<std::unique_ptr<store>>> stores;
  std::vector<offered<std::unique_ptr<durable_queues>>> queues;  ///< named as their stores
  std::vector<offered<std::shared_ptr<transport>>> transports;
  bool uses_messaging = false;
  std::vector<std::pair<std::string, std::string>> settings;  ///< defaults in code: hold where no file, variable or argument says otherwise
  std::vector<std::pair<std::string, std::function<void(const environment&)>>> start_work;
  upcasters lifts;

  mamey::services& services() override { return feature_services; }
  void use_store(engine what, std::function<std::unique_ptr<store>(const environment&)> open) override;
  void offer_queues(std::string store, std::function<std::unique_ptr<durable_queues>(const environment&)> open) override;
  void use_transport(engine what, std::function<std::shared_ptr<transport>(const environment&)> open) override;
  void use_messaging() override { uses_messaging = true; }
  void on_start(std::string work, std::function<void(const environment&)> run) override { start_work.emplace_back(std::move(work), std::move(run)); }
};

}  // namespace mamey::inline v1
