#pragma once

/// @file
/// For services.
/// A service: modules, features and a name. One process runs one application, or several in a host.

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <mamey/feature/request_filter.hpp>
#include <mamey/feature/route.hpp>
#include <mamey/host/injected_work.hpp>
#include <mamey/host/module.hpp>
#include <mamey/runtime/shutdown.hpp>

namespace mamey::inline v1 {

class composition;
struct application_definition;

template <class Feature>
concept installable = requires(const Feature& feature, composition& into) { feature.install(into); };

/// Chain methods return the application to be moved on: `return mamey::application("orders").add(mamey::sqlite()).add(orders::service());`
class application {
 public:
  explicit application(std::string name);
  application(application&&) noexcept;
  application& operator=(application&&) noexcept;
  ~application();

  /// Adds a module with its handlers and endpoints.
  application&& add(module&& part);
  /// Adds a feature: any object with `install(mamey::composition&) const`.
  template <class Feature>
  application&& add(const Feature& feature) {
    constexpr bool is_no_function = !std::is_function_v<Feature>;
    static_assert(is_no_function,
                  "mamey: a feature is what its function returns: `.add(mamey::sqlite())`, and so is a module: `.add(orders::service())`.");
    constexpr bool is_no_module = !std::is_same_v<Feature, module>;
    static_assert(
        is_no_module,
        "mamey: an application takes its modules over: `.add(orders::service())`, or `.add(std::move(part))` of one that has a name.");
    constexpr bool is_feature = installable<Feature> || !is_no_function || !is_no_module;
    static_assert(is_feature,
                  "mamey: an application adds modules and features: a feature has `void install(mamey::composition& into) const`.");
    if constexpr (installable<Feature>) attempt([&] { feature.install(parts()); });
    return std::move(*this);
  }
  /// Registers services of the whole application.
  application&& services(std::function<void(mamey::services&)> add);

  /// Settings of your own, as `module::options`: `.options<LoanOptions>("loans")`.
  template <class Options>
  application&& options(std::string section) {
    add_options(detail::options_in<Options>(std::move(section)));
    return std::move(*this);
  }

  /// A default that holds where configuration says nothing: `.setting("server:urls:0", "http://*:5002")`.
  application&& setting(std::string key, std::string value);

  // ── Beside handlers and endpoints; contracts in docs/feature.md ──

  /// A filter around every request of the application: `.filter(mamey::request_stage::protect, "limits", [](auto& request, auto& response, auto& next) { next(); })`.
  application&& filter(request_stage stage, std::string name, request_filter run);
  /// A route that is neither command nor query: `.route(mamey::http_method::get, "/page", show_page)`. Without a guard everybody may call it.
  application&& route(http_method method, std::string pattern, request_function answer, route_guard guard = {});
  /// Work for as long as the application runs: a function that takes singletons by reference. It begins again when it throws, and is cancelled at the stop.
  /// `.background<&follow_prices>("prices")`
  template <auto Function>
  application&& background(std::string name) {
    services([](mamey::services& add) { detail::add_injected_work<Function>(add); });
    return add_background(std::move(name), &detail::run_injected_work<Function>);
  }
  /// Work at a stage of the stop, bounded by `shutdown:stepTimeout`.
  application&& on_stop(shutdown_stage stage, std::string name, std::function<void()> work);

  /// Endpoints written in place, for services of a page.
  template <class Handler>
  application&& get(std::string pattern, Handler handler, answer how = {}) {
    return in_place(module("").get(std::move(pattern), std::move(handler), std::move(how)));
  }
  template <class Handler>
  application&& post(std::string pattern, Handler handler, answer how = {}) {
    return in_place(module("").post(std::move(pattern), std::move(handler), std::move(how)));
  }
  template <class Handler>
  application&& put(std::string pattern, Handler handler, answer how = {}) {
    return in_place(module("").put(std::move(pattern), std::move(handler), std::move(how)));
  }
  template <class Handler>
  application&& patch(std::string pattern, Handler handler, answer how = {}) {
    return in_place(module("").patch(std::move(pattern), std::move(handler), std::move(how)));
  }
  template <class Handler>
  application&& del(std::string pattern, Handler handler, answer how = {}) {
    return in_place(module("").del(std::move(pattern), std::move(handler), std::move(how)));
  }

  /// Reads arguments and configuration, starts, serves until SIGTERM or SIGINT, stops in order. Returns the exit code: 0 after an orderly end, 1 when the start
  /// was refused (the reason is on stderr), also for what the chain before it could not compose (two stores, say): nothing of it throws.
  int run(int argc, char** argv);

  composition& parts() noexcept;
  std::unique_ptr<application_definition> release();  ///< for the host and the test harness

 private:
  application&& add_background(std::string name, void (*run)(service_provider&));
  void install(const std::function<void(composition&)>& at_door);
  application&& in_place(module part);
  void add_options(options_definition wanted);
  void refuse(std::exception_ptr reason) noexcept;
  template <class Work>
  void attempt(Work work) {
    try {
      work();
    } catch (...) {  // rethrown when the application starts
      refuse(std::current_exception());
    }
  }
  std::unique_ptr<application_definition> definition_;
};

/// Several applications in one process: each keeps its port, configuration, services, store and health; loops, logs and shutdown are shared.
///
/// `--NAME PORT` sets the port of application NAME (0: a free one, printed), `--data DIR` where all of them store.
class host {
 public:
  explicit host(std::string name) : name_(std::move(name)) {}
  template <class Application>
  host&& add(Application&& part) {
    constexpr bool is_handed_over = std::is_same_v<Application, application>;
    static_assert(is_handed_over,
                  "mamey: a host takes its applications over: `.add(orders::app())`, or `.add(std::move(orders))` of one that has a name.");
    if constexpr (is_handed_over) applications_.push_back(std::move(part));
    return std::move(*this);
  }
  int run(int argc, char** argv);

 private:
  std::string name_;
  std::vector<application> applications_;
};

}  // namespace mamey::inline v1
