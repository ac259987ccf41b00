#pragma once

/// @file
/// Layers of the configuration that features bring.

#include <mamey/core/configuration.hpp>
#include <mamey/host/doors.hpp>

namespace mamey::inline v1 {

/// Asks the layers one after another and puts what they bring into `values`, which `around` points to. Throws configuration_error naming
/// the layer that failed, was late, or gave a key that is none. In a fiber.
void load_layers(const feature_doors& doors, const environment& around, configuration& values);

/// Registers the listeners, those of features and the framework's own: levels of the log follow `logger:level`, `logger:overrides`,
/// `logger:minimumLevelOverrides`.
void listen_to_changes(const feature_doors& doors, configuration_changes& changes);

}  // namespace mamey::inline v1
