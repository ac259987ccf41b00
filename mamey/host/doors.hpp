#pragma once

/// @file
/// For the framework: what features and authors have registered at the doors of an application.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <mamey/feature/composition.hpp>

namespace mamey::inline v1 {

/// Something that is made or done under a name.
template <class Function>
struct named_door {
  std::string name;
  Function function;
};

struct filter_door {
  request_stage stage = request_stage::innermost;
  std::string name;
  std::function<request_filter(const environment&)> make;
};

struct stop_door {
  shutdown_stage stage = shutdown_stage::flush;
  std::string name;
  std::function<void(const environment&)> work;
};

struct feature_doors {
  using work = std::function<void(const environment&)>;
  std::vector<filter_door> filters;
  std::vector<feature_route> routes;
  std::vector<named_door<work>> background;
  std::vector<stop_door> stops;
  std::vector<named_door<std::function<std::vector<configured_value>(const environment&)>>> layers;
  std::vector<named_door<configuration_changes::listener>> listeners;  ///< named by their prefix
  std::vector<named_door<std::function<http::address_resolver(const environment&)>>> resolvers;
  std::vector<named_door<std::function<std::shared_ptr<log_sink>(const environment&)>>> sinks;
  std::vector<named_door<std::function<std::shared_ptr<tracing::span_exporter>(const environment&)>>> exporters;
  std::vector<named_door<std::function<tracing::root_sampler(const environment&)>>> samplers;
};

}  // namespace mamey::inline v1
