#pragma once

/// @file
/// For the framework.
/// What modules and applications are made of, before they run. For this folder and the test harness.

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <mamey/cqrs/behaviour.hpp>
#include <mamey/cqrs/registry.hpp>
#include <mamey/feature/composition.hpp>
#include <mamey/host/doors.hpp>
#include <mamey/host/endpoint.hpp>
#include <mamey/host/own_options.hpp>
#include <mamey/messaging/versions.hpp>
#include <mamey/scheduling/job.hpp>

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

/// A recurring job as declared: a cron expression with its zone, or an interval.
struct job_definition {
  std::string name;
  std::string cron, zone;
  std::chrono::seconds every{0};
  job_message what;
  job_options options;
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
  std::shared_ptr<void> failures;  ///< its failure_rules; null: none. Without their type, which every user of this header would pay for
  std::vector<endpoint_definition> endpoints;
  std::vector<std::function<void(services&)>> registrations;
  std::vector<options_definition> options;
  std::vector<std::function<behaviour&(service_provider&)>> behaviours;
  std::vector<job_definition> jobs;
  std::vector<std::function<void(composition&)>> doors;  ///< what the author registers at the doors of the application
  std::exception_ptr refused;                            ///< why it cannot be composed; thrown when the application starts
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
  std::vector<options_definition> options;
  mamey::services feature_services;
  std::vector<offered<std::unique_ptr<store>>> stores;
  std::vector<offered<std::unique_ptr<durable_queues>>> queues;  ///< named as their stores
  std::vector<offered<std::shared_ptr<transport>>> transports;
  bool uses_messaging = false;
  std::vector<std::pair<std::string, std::string>> settings;  ///< defaults in code: hold where no file, variable or argument says otherwise
  std::vector<std::pair<std::string, std::function<void(const environment&)>>> start_work;
  feature_doors doors;
  upcasters lifts;
  std::exception_ptr refused;  ///< as of a module

  /// Throws what composing the application or one of its modules threw.
  void throw_if_refused() const;

  mamey::services& services() override { return feature_services; }
  void use_store(engine what, std::function<std::unique_ptr<store>(const environment&)> open) override;
  void offer_queues(std::string store, std::function<std::unique_ptr<durable_queues>(const environment&)> open) override;
  void use_transport(engine what, std::function<std::shared_ptr<transport>(const environment&)> open) override;
  void use_messaging() override { uses_messaging = true; }
  void on_start(std::string work, std::function<void(const environment&)> run) override {
    start_work.emplace_back(std::move(work), std::move(run));
  }
  void filter_requests(request_stage stage, std::string filter, std::function<request_filter(const environment&)> make) override;
  void add_route(feature_route route) override;
  void run_in_background(std::string work, std::function<void(const environment&)> run) override;
  void on_stop(shutdown_stage stage, std::string step, std::function<void(const environment&)> work) override;
  void add_configuration(std::string layer, std::function<std::vector<configured_value>(const environment&)> load) override;
  void on_change(std::string prefix, configuration_changes::listener hear) override;
  void resolve_services(std::string resolver, std::function<http::address_resolver(const environment&)> make) override;
  void add_log_sink(std::string sink, std::function<std::shared_ptr<log_sink>(const environment&)> make) override;
  void export_spans(std::string exporter, std::function<std::shared_ptr<tracing::span_exporter>(const environment&)> make) override;
  void sample_roots(std::string sampler, std::function<tracing::root_sampler(const environment&)> make) override;
};

}  // namespace mamey::inline v1
