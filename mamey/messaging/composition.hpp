#pragma once

/// @file
/// What a feature (a database, a broker, something of a third party) may add to an application while it is composed.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <mamey/messaging/engine.hpp>
#include <mamey/messaging/queue.hpp>
#include <mamey/messaging/store.hpp>
#include <mamey/messaging/transport.hpp>

namespace mamey::inline v1 {

namespace health { class registry; }
namespace metrics { class registry; }
class configuration;
class event_loop;
class services;

/// The surroundings of an application when it starts.
struct environment {
  std::string application;                ///< its name
  const mamey::configuration* configuration = nullptr;
  std::filesystem::path data_directory;   ///< `--data`; created when something is first stored
  event_loop* system_loop = nullptr;      ///< runs no user handler
  std::vector<event_loop*> workers;
  health::registry* health = nullptr;
  metrics::registry* metrics = nullptr;
};

class composition {
 public:
  virtual ~composition() = default;

  /// Services everybody in the application can ask for.
  virtual mamey::services& services() = 0;
  /// A database for the application. One is opened: which `persistence:store` names, else one used `when_configured` whose setting is given, else the one used
  /// `always`. Two of one name or two used `always` are refused, naming both features.
  virtual void use_store(engine what, std::function<std::unique_ptr<store>(const environment&)> open) = 0;
  /// Durable queues that the SQL transport uses where the store of this name is the application's, or where it has no store.
  virtual void offer_queues(std::string store, std::function<std::unique_ptr<durable_queues>(const environment&)> open) = 0;
  /// What carries messages to other applications. One is opened, chosen as the store is, by `messaging:transport`.
  virtual void use_transport(engine what, std::function<std::shared_ptr<transport>(const environment&)> open) = 0;
  /// Turns subscriptions, outbox relay and error store on.
  virtual void use_messaging() = 0;
  /// Runs when the application starts, before its modules serve, in the order of registration.
  virtual void on_start(std::string name, std::function<void(const environment&)> work) = 0;
};

}  // namespace mamey::inline v1
