#pragma once

/// @file
/// For features: what an application gives to the functions that a feature registers.

#include <filesystem>
#include <string>
#include <vector>

namespace mamey::inline v1 {

namespace health {
class registry;
}
namespace http {
class client;
}
namespace metrics {
class registry;
}
class configuration;
class configuration_changes;
class event_loop;
class runtime;
class service_provider;
struct bus_naming;

/// The surroundings of an application. Functions get it by reference: it lives as long as the application, and members are filled in the
/// order of the start. What is pointed to outlives it, and is thread-safe unless its header says otherwise.
struct environment {
  std::string application;  ///< its name
  const mamey::configuration* configuration = nullptr;
  const bus_naming* naming = nullptr;    ///< names on the bus (messaging/bus_naming.hpp); null before the sections are read
  std::filesystem::path data_directory;  ///< `--data`; created when something is first stored
  event_loop* system_loop = nullptr;     ///< runs no user handler
  std::vector<event_loop*> workers;      ///< at least one
  health::registry* health = nullptr;
  metrics::registry* metrics = nullptr;
  configuration_changes* changes = nullptr;  ///< where layers publish and listeners hear
  mamey::runtime* runtime = nullptr;         ///< null in the test harness, which has no sockets
  http::client* client = nullptr;            ///< the application's; null in the test harness, and before the services are composed
  service_provider* provider = nullptr;      ///< finds singletons; null before the services are composed
  std::vector<std::string> addresses;        ///< URLs where the server listens; empty before it does, and in the test harness
};

}  // namespace mamey::inline v1
