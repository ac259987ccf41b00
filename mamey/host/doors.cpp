#include <mamey/host/doors.hpp>

#include <algorithm>

#include <mamey/core/error.hpp>
#include <mamey/core/text.hpp>
#include <mamey/host/definition.hpp>

namespace mamey::inline v1 {
namespace {

/// Adds `added`, unless it does nothing or has the name of another.
template <class Door, class Function>
void add_to(std::vector<Door>& all, const std::string& application, std::string_view kind, const Function& does, Door added) {
  if (!does) throw internal_error("feature_incomplete", "the {} {} of application {} has no function", kind, added.name, application);
  const auto taken = std::ranges::find_if(all, [&](const Door& each) { return equal_ignoring_case(each.name, added.name); });
  if (taken != all.end())
    throw internal_error("feature_conflict", "application {} has a {} called {} already: give this one another name", application, kind,
                         taken->name);
  all.push_back(std::move(added));
}

template <class Function>
void add_to(std::vector<named_door<Function>>& all, const std::string& application, std::string_view kind, std::string name,
            Function function) {
  const bool is_there = function != nullptr;
  add_to(all, application, kind, is_there, named_door<Function>{.name = std::move(name), .function = std::move(function)});
}

}  // namespace

void application_definition::filter_requests(request_stage stage, std::string filter,
                                             std::function<request_filter(const environment&)> make) {
  const bool is_there = make != nullptr;
  add_to(doors.filters, name, "filter", is_there, filter_door{.stage = stage, .name = std::move(filter), .make = std::move(make)});
}

void application_definition::add_route(feature_route route) {
  if (!route.make) throw internal_error("feature_incomplete", "the route {} of application {} has no function", route.pattern, name);
  doors.routes.push_back(std::move(route));  // two at one pattern are the router's to refuse
}

void application_definition::run_in_background(std::string work, std::function<void(const environment&)> run) {
  add_to(doors.background, name, "background work", std::move(work), std::move(run));
}

void application_definition::on_stop(shutdown_stage stage, std::string step, std::function<void(const environment&)> work) {
  const bool is_there = work != nullptr;
  add_to(doors.stops, name, "step of the stop", is_there, stop_door{.stage = stage, .name = std::move(step), .work = std::move(work)});
}

void application_definition::add_configuration(std::string layer, std::function<std::vector<configured_value>(const environment&)> load) {
  add_to(doors.layers, name, "layer of the configuration", std::move(layer), std::move(load));
}

void application_definition::on_change(std::string prefix, configuration_changes::listener hear) {
  if (!hear) throw internal_error("feature_incomplete", "who listens to {} in application {} has no function", prefix, name);
  doors.listeners.push_back({.name = std::move(prefix), .function = std::move(hear)});
}

void application_definition::resolve_services(std::string resolver, std::function<http::address_resolver(const environment&)> make) {
  add_to(doors.resolvers, name, "resolver of services", std::move(resolver), std::move(make));
}

void application_definition::add_log_sink(std::string sink, std::function<std::shared_ptr<log_sink>(const environment&)> make) {
  add_to(doors.sinks, name, "log sink", std::move(sink), std::move(make));
}

void application_definition::export_spans(std::string exporter,
                                          std::function<std::shared_ptr<tracing::span_exporter>(const environment&)> make) {
  add_to(doors.exporters, name, "exporter of spans", std::move(exporter), std::move(make));
}

void application_definition::sample_roots(std::string sampler, std::function<tracing::root_sampler(const environment&)> make) {
  if (!doors.samplers.empty()) {
    throw internal_error("feature_conflict", "application {} has the sampler {} already; {} would be a second one", name,
                         doors.samplers.front().name, sampler);
  }
  add_to(doors.samplers, name, "sampler", std::move(sampler), std::move(make));
}

}  // namespace mamey::inline v1
