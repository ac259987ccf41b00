#include <mamey/host/detail/configuration_layers.hpp>

#include <memory>
#include <string_view>

#include <mamey/core/error.hpp>
#include <mamey/core/text.hpp>
#include <mamey/core/time.hpp>
#include <mamey/host/detail/bounded_work.hpp>
#include <mamey/host/detail/options.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/observability/logging.hpp>
#include <mamey/runtime/context.hpp>

namespace mamey::inline v1 {
namespace {

const logger log{"mamey.host"};

constexpr std::string_view overrides[] = {"logger:overrides", "logger:minimumLevelOverrides"};
/// Read before any layer is asked.
constexpr std::string_view too_late[] = {"runtime", "configurationLayers"};
constexpr std::string_view level_key = "logger:level";

bool is_in(std::string_view key, std::string_view section) {
  return key.size() > section.size() && key[section.size()] == ':' && equal_ignoring_case(key.substr(0, section.size()), section);
}

bool is_key(std::string_view key) {
  return !key.empty() && !key.starts_with(':') && !key.ends_with(':') && key.find("::") == std::string_view::npos;
}

[[noreturn]] void refuse(const std::string& layer, std::string message) {
  throw configuration_error({{.origin = "layer " + layer + " of the configuration", .key = {}, .message = std::move(message)}});
}

/// The category behind a key of an override; empty for other keys.
std::string_view category_of(std::string_view key) {
  for (const auto section : overrides) {
    if (is_in(key, section)) return key.substr(section.size() + 1);
  }
  return {};
}

/// Takes a level of the log in, where the key is one; throws for a word that is none.
void take_level(const configured_value& given) {
  const auto category = category_of(given.key);
  if (category.empty() && !equal_ignoring_case(given.key, level_key)) return;
  if (!logging::set_level(given.value, category)) {
    throw configuration_error(
        {{.origin = given.origin,
          .key = given.key,
          .message = "expected verbose, debug, information, warning, error, fatal or off, got \"" + given.value + '"'}});
  }
}

void take_values(const std::string& layer, std::vector<configured_value>& given, configuration& values) {
  for (auto& each : given) {
    if (!is_key(each.key)) refuse(layer, "expected keys such as catalog:pageSize, got \"" + each.key + '"');
    if (each.origin.empty()) each.origin = layer;
    for (const auto section : too_late) {
      if (is_in(each.key, section))
        log.warning("{key} ({origin}) has no effect: section {section} is read before the layers of the configuration", each.key,
                    each.origin, section);
    }
    values.set(each.key, each.value, each.origin);
    take_level(each);
  }
}

}  // namespace

void load_layers(const feature_doors& doors, const environment& around, configuration& values) {
  if (doors.layers.empty()) return;
  const auto options = values.bind<configuration_layer_options>("configurationLayers");
  for (const auto& layer : doors.layers) {
    const auto end = deadline_after(options.timeout);
    const auto given = std::make_shared<std::vector<configured_value>>();
    try {
      run_bounded("layer " + layer.name, options.timeout, [&layer, &around, given] { *given = layer.function(around); });
    } catch (const cancelled&) {
      throw;
    } catch (const configuration_error&) {
      throw;
    } catch (...) {
      const auto why = describe_current_exception();
      if (steady_now() >= end)
        refuse(layer.name, "has not loaded within " + std::to_string(options.timeout.count()) + " ms (configurationLayers:timeout)");
      refuse(layer.name, why.kind == error_kind::internal ? why.detail : why.reason);
    }
    take_values(layer.name, *given, values);
    around.changes->start_with(layer.name, *given);
    log.info("{application}: the layer {layer} of the configuration brought {count} values", around.application, layer.name, given->size());
  }
}

void listen_to_changes(const feature_doors& doors, configuration_changes& changes) {
  changes.on_change(std::string(level_key), take_level);
  for (const auto section : overrides) changes.on_change(std::string(section), take_level);
  for (const auto& each : doors.listeners) changes.on_change(each.name, each.function);
}

}  // namespace mamey::inline v1
