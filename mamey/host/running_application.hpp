#pragma once

/// @file
/// One application from its definition to its end.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <mamey/core/configuration.hpp>
#include <mamey/web/handler.hpp>
#include <mamey/web/server.hpp>

namespace mamey::inline v1 {

class pipeline;
struct application_definition;
class store;
class service_provider;
class transport;
class runtime;
class shutdown_plan;

/// What the process decides for an application.
struct application_surroundings {
  mamey::runtime* runtime = nullptr;           ///< null: no server and no HTTP client
  event_loop* system_loop = nullptr;
  std::vector<event_loop*> workers;
  mamey::configuration configuration;          ///< the application's own view of it
  std::filesystem::path data_directory;
  std::vector<std::string> urls;               ///< empty: section `server`
  std::shared_ptr<transport> shared_transport; ///< of a host of several applications; null: the application's own
  std::string environment_name;
};

class running_application {
 public:
  /// Composes and checks everything that can be checked without doing anything: configuration, handlers, the graph of services.
  running_application(std::unique_ptr<application_definition> definition, application_surroundings around);
  ~running_application();
  running_application(const running_application&) = delete;
  running_application& operator=(const running_application&) = delete;

  const std::string& name() const noexcept;

  /// Opens store and transport, builds the singletons, declares topology. Runs in a fiber.
  void prepare();
  /// Starts the consumers, after `prepare` of every application of the process: an event that nobody is bound to yet would be lost on them.
  void consume();
  /// Starts relay and server, after `consume` of every application; the application is ready.
  void start();
  /// Where it listens.
  std::vector<web::endpoint> addresses() const;
  /// Another application of this process, for the HTTP client: found by its name unless configuration says where.
  void set_neighbour(const std::string& neighbour, const std::string& url);
  /// Adds its steps to the ordered way down.
  void plan_shutdown(shutdown_plan& plan);

  /// Answers a request without a socket.
  web::handler& requests() noexcept;
  pipeline& handlers() noexcept;

  service_provider& provider() noexcept;
  store* module_store() noexcept;

 private:
  void open_and_build();
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace mamey::inline v1
