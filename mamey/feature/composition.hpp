#pragma once

/// @file
/// For features: what one (a database, a broker, an authentication scheme, something of a third party) may add to an application while it
/// is composed.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <mamey/feature/configuration_changes.hpp>
#include <mamey/feature/engine.hpp>
#include <mamey/feature/environment.hpp>
#include <mamey/feature/request_filter.hpp>
#include <mamey/feature/route.hpp>
#include <mamey/http/address_resolver.hpp>
#include <mamey/observability/span.hpp>
#include <mamey/runtime/shutdown.hpp>

namespace mamey::inline v1 {

class durable_queues;
class log_sink;
class services;
class store;
class transport;

/// The doors of an application. Used by one thread, while the application is composed; what is registered runs when the application starts.
/// Functions that make something are called once and refuse the start by throwing. Names are for logs, metrics and complaints; two of one
/// name at one door are refused.
class composition {
 public:
  virtual ~composition();

  /// Services everybody in the application can ask for.
  virtual mamey::services& services() = 0;
  /// A database for the application. One is opened: which `persistence:store` names, else one used `when_configured` whose setting is
  /// given, else the one used `always`. Two of one name or two used `always` are refused, naming both features.
  virtual void use_store(engine what, std::function<std::unique_ptr<store>(const environment&)> open) = 0;
  /// Durable queues that the SQL transport uses where the store of this name is the application's, or where it has no store.
  virtual void offer_queues(std::string store, std::function<std::unique_ptr<durable_queues>(const environment&)> open) = 0;
  /// What carries messages to other applications. One is opened, chosen as the store is, by `messaging:transport`.
  virtual void use_transport(engine what, std::function<std::shared_ptr<transport>(const environment&)> open) = 0;
  /// Turns subscriptions, outbox relay and error store on.
  virtual void use_messaging() = 0;
  /// Runs when the application starts, before its modules serve, in the order of registration.
  virtual void on_start(std::string name, std::function<void(const environment&)> work) = 0;

  /// A filter around every request, routes of the framework included. Made when the services are built. Without filters a request costs
  /// nothing more.
  virtual void filter_requests(request_stage stage, std::string name, std::function<request_filter(const environment&)> make) = 0;
  /// A route that is neither command nor query. It takes the place of a page of the framework at the same pattern; that of a module there
  /// is refused.
  virtual void add_route(feature_route route) = 0;

  /// Work for as long as the application runs, in a fiber of a worker loop. It begins when the server listens; an exception is logged, and
  /// the work begins again (after 100 ms, doubling to 30 s); a return ends it. Health `background NAME` is degraded while it waits to begin
  /// again. At the stop, after the last request, it is cancelled: its next suspension throws `cancelled`; it has `shutdown:drainTimeout` to
  /// end.
  virtual void run_in_background(std::string name, std::function<void(const environment&)> work) = 0;
  /// Work at a stage of the stop, in a fiber of its own under the deadline `shutdown:stepTimeout`. One that throws or hangs is logged and
  /// holds nothing up.
  virtual void on_stop(shutdown_stage stage, std::string name, std::function<void(const environment&)> work) = 0;

  /// Values that win over files, variables and arguments, as Vault's do in .NET; a layer added later wins over one added earlier. `load`
  /// runs in a fiber before sections are bound, with a deadline of `configurationLayers:timeout`; in `environment` there are name,
  /// configuration, loops and runtime, the configuration with what earlier layers brought. What it throws refuses the start with its name.
  /// Not for sections `runtime` and `configurationLayers`, which are read before.
  virtual void add_configuration(std::string name, std::function<std::vector<configured_value>(const environment&)> load) = 0;
  /// Hears of changed values at `prefix` and below it; see configuration_changes.
  virtual void on_change(std::string prefix, configuration_changes::listener hear) = 0;

  /// A way to find services, in effect where `httpClient:type` names it (in any case). Made before the services are composed.
  virtual void resolve_services(std::string name, std::function<http::address_resolver(const environment&)> make) = 0;

  /// One more place for the log lines of the application, and for those of the process that belong to none. Made first at the start. It is
  /// flushed at the stop; what `make` returns may be called until the process ends, so it uses nothing of `environment` later.
  virtual void add_log_sink(std::string name, std::function<std::shared_ptr<log_sink>(const environment&)> make) = 0;
  /// Takes the spans of the application; of several each gets all. Made first at the start, flushed at stage `flush` of the stop.
  virtual void export_spans(std::string name, std::function<std::shared_ptr<tracing::span_exporter>(const environment&)> make) = 0;
  /// Decides which traces that begin here are recorded; without one all are. Two are refused.
  virtual void sample_roots(std::string name, std::function<tracing::root_sampler(const environment&)> make) = 0;
};

}  // namespace mamey::inline v1
