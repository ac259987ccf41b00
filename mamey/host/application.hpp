#pragma once

/// @file
/// A service: modules, features and a name. One process runs one application, or several in a host.

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <mamey/host/module.hpp>

namespace mamey::inline v1 {

class composition;
struct application_definition;

template <class Feature>
concept installable = requires(const Feature& feature, composition& into) { feature.install(into); };

/// Chain methods consume the application: `return mamey::application("orders").add(mamey::sqlite()).add(orders::service());`
class application {
 public:
  explicit application(std::string name);
  application(application&&) noexcept;
  application& operator=(application&&) noexcept;
  ~application();

  /// Adds a module with its handlers and endpoints.
  application&& add(module part) &&;
  /// Adds a feature: any object with `install(mamey::composition&) const`.
  template <class Feature>
  application&& add(const Feature& feature) && {
    constexpr bool is_feature = installable<Feature>;
    static_assert(is_feature, "mamey: an application adds modules and features: a feature has `void install(mamey::composition& into) const`.");
    if constexpr (is_feature) feature.install(parts());
    return std::move(*this);
  }
  /// Registers services of the whole application.
  application&& services(std::function<void(mamey::services&)> add) &&;

  /// A default that holds where configuration says nothing: `.setting("server:urls:0", "http://*:5002")`.
  application&& setting(std::string key, std::string value) &&;

  /// Endpoints written in place, for services of a page.
  template <class Handler>
  application&& get(std::string pattern, Handler handler) && {
    in_place(module("").get(std::move(pattern), std::move(handler)));
    return std::move(*this);
  }
  template <class Handler>
  application&& post(std::string pattern, Handler handler) && {
    in_place(module("").post(std::move(pattern), std::move(handler)));
    return std::move(*this);
  }

  /// Reads arguments and configuration, starts, serves until SIGTERM or SIGINT, stops in order. Returns the exit code: 0 after an orderly end, 1 when the start
  /// was refused (the reason is on stderr).
  int run(int argc, char** argv) &&;

  composition& parts() noexcept;
  std::unique_ptr<application_definition> release() &&;  ///< for the host and the test harness

 private:
  void in_place(module part);
  std::unique_ptr<application_definition> definition_;
};

/// Several applications in one process: each keeps its port, configuration, services, store and health; loops, logs and shutdown are shared.
///
/// `--NAME PORT` sets the port of application NAME (0: a free one, printed), `--data DIR` where all of them store.
class host {
 public:
  explicit host(std::string name) : name_(std::move(name)) {}
  host&& add(application part) && {
    applications_.push_back(std::move(part));
    return std::move(*this);
  }
  int run(int argc, char** argv) &&;

 private:
  std::string name_;
  std::vector<application> applications_;
};

}  // namespace mamey::inline v1
