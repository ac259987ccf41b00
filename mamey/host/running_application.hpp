#pragma once

/// @file
/// For the framework.
/// One application from its definition to its end.

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/core/configuration.hpp>
#include <mamey/web/handler.hpp>
#include <mamey/web/server.hpp>

namespace mamey::inline v1 {

class pipeline;
struct message_info;
struct application_definition;
class store;
class service_provider;
class transport;
class runtime;
class shutdown_plan;

/// What the process decides for an application.
struct application_surroundings {
  mamey::runtime* runtime = nullptr;  ///< null: no server and no HTTP client
  event_loop* system_loop = nullptr;
  std::vector<event_loop*> workers;
  mamey::configuration configuration;  ///< the application's own view of it
  std::filesystem::path data_directory;
  std::vector<std::string> urls;                ///< empty: see `asks_for_urls`
  bool asks_for_urls = true;                    ///< where .NET's host would listen counts (listen_urls.hpp); false: section `server` alone
  std::shared_ptr<transport> shared_transport;  ///< of a host of several applications; null: the application's own
  std::vector<std::string> neighbours;  ///< the other applications of the process, whose addresses `set_neighbour` tells when they listen
  std::string environment_name;
  bool tested =
      false;  ///< by the harness: nobody else writes to the store (see message_endpoint_parts), and what is only a warning is refused
};

class running_application {
 public:
  /// Composes and checks everything that can be checked without doing anything: configuration, handlers, the graph of services.
  running_application(std::unique_ptr<application_definition> definition, application_surroundings around);
  ~running_application();
  running_application(const running_application&) = delete;
  running_application& operator=(const running_application&) = delete;

  const std::string& name() const noexcept;

  /// Listens for management, where it has listeners of its own: from here on health says that the application starts. In a fiber; a no-op without.
  void start_management();
  std::vector<web::endpoint> management_addresses() const;
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

  /// Whether a command or query has a handler here.
  bool handles(const message_info& message) const noexcept;
  /// Whether messages that code of this program sends within it may have no handler: `app:allowUnhandled`.
  bool allows_unhandled() const noexcept;
  /// Whether the command is taken from the bus here.
  bool is_subscribed(const message_info& command) const noexcept;
  /// Whether the message goes to this application's own exchange.
  bool goes_to_own_exchange(const message_info& message) const;
  /// Whether a failure has paused the subscription to messages of this type.
  bool is_paused(std::string_view message_type) const;
  /// The name of its exchange on the bus.
  std::string own_exchange() const;

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
