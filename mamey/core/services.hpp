#pragma once

/// @file
/// For services.
/// Dependency injection: a constructor, a factory or a handler says by its parameters what it needs, and the framework supplies it by type.
///
///     struct http_pricing : Pricing {
///       http_pricing(mamey::http::client& client, const pricing_options& options);
///     };
///     services.add<Pricing, http_pricing>();
///     services.decorate<Pricing, cached_pricing>();                       // cached_pricing(Pricing& inner, const cache_options& options)
///     services.add<Report>([](Pricing& pricing) { return Report(pricing); }, mamey::lifetime::scoped);
///
/// Dependencies are taken by reference (T& or const T&): the container owns, everybody else borrows. `services` is filled by one thread
/// while the application is composed; `service_provider` checks the whole graph without building anything, then builds the singletons; a
/// `scope` serves one request or message.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <mamey/core/detail/injection.hpp>

namespace mamey::inline v1 {

enum class lifetime : std::uint8_t {
  singleton,  ///< one per application, built at the start; every loop calls it, so it must be thread-safe
  scoped,     ///< one per request or message
  transient,  ///< a new one for each use; lives as long as the scope that asked for it
};

/// How to make a `T` that nobody added: for open generics. Specialise it beside the declaration of the generic, so that every file which
/// can name `repository<Order>` sees it:
///
///     template <class T>
///     struct mamey::default_recipe<repository<T>> {
///       static constexpr auto life = mamey::lifetime::scoped;
///       // Optional: without it, the constructor is injected.
///       static repository<T> make(mamey::unit_of_work& work) { return repository<T>(work); }
///       // Optional: what the framework has to know before somebody can use one; see `service_provider::reached_from`.
///       static const void* about() { return &mamey::aggregate_collection<T>(); }
///     };
///
/// `add` for one `T` wins over it, and `replace` and `decorate` work on it.
template <class T>
struct default_recipe;

/// The key of a service; `service_list<Clock, Pricing>` is a constant list of keys.
using service_type = detail::service_type;
template <class... T>
inline constexpr std::array<const service_type*, sizeof...(T)> service_list{&detail::service_type_of<std::remove_cvref_t<T>>...};

/// A consumer of services that is not a service: names a handler in the messages of the graph check.
struct service_consumer {
  std::string message;     ///< `CreateOrder`
  std::string handler;     ///< `create_order`; may be empty
  std::string module;      ///< `orders`; may be empty
  bool has_placed = true;  ///< false: its scope lacks what `add_placed` announces
};

/// The registrations of one application. Not thread-safe: filled while the application is composed.
class services {
 public:
  services();
  services(services&&) noexcept;
  services& operator=(services&&) noexcept;
  ~services();

  /// Registers `Implementation`, built by its constructor, to be found as `T`. Of several constructors the one with the most injectable
  /// parameters counts. Adding the same `T` twice is a mistake the check reports: say `replace` when it is meant.
  template <class T, class Implementation = T>
  services& add(lifetime life = lifetime::singleton) {
    return put(detail::constructor_recipe<T, Implementation>(life), registration::add);
  }

  /// Registers `T`, made by a function whose parameters are injected. It returns a T or a class derived from it, by value, as unique_ptr or
  /// shared_ptr (owned), or by reference (not owned: gives an object a second interface).
  template <class T, class Factory>
    requires(!std::same_as<Factory, lifetime>)
  services& add(Factory factory, lifetime life = lifetime::singleton) {
    return put(detail::factory_recipe<T>(std::move(factory), life), registration::add);
  }

  /// Registers an object that exists already: `add_value(options)`, `add_value<Clock>(fixed_clock{})`.
  template <class T = void, class Value>
  services& add_value(Value value) {
    using service = std::conditional_t<std::is_void_v<T>, Value, T>;
    return put(detail::value_recipe<service>(std::move(value), lifetime::singleton), registration::add);
  }

  /// Registers an object of the caller, which outlives the provider.
  template <class T>
  services& add_reference(std::type_identity_t<T>& object) {
    return put(detail::factory_recipe<T>([&object]() -> T& { return object; }, lifetime::singleton), registration::add);
  }

  /// Announces that each scope gets a `T` by `scope::place`, so that the check counts on it.
  template <class T>
  services& add_placed() {
    return put({.provides = &detail::service_type_of<T>, .life = lifetime::scoped}, registration::add);
  }

  /// Takes the place of everything registered for `T` so far, decorators included; adds it when there was nothing.
  template <class T, class Implementation = T>
  services& replace(lifetime life = lifetime::singleton) {
    return put(detail::constructor_recipe<T, Implementation>(life), registration::replace);
  }

  /// Likewise with a value (of T or a class derived from it), a factory, as `add` takes it, a shared_ptr, or `std::ref(object)` of an
  /// object that outlives the provider. A value is copied: what it is asked about later, it is asked about as `std::ref` or as a
  /// shared_ptr.
  template <class T, class Replacement>
    requires(!std::same_as<Replacement, lifetime>)
  services& replace(Replacement replacement, lifetime life = lifetime::singleton) {
    if constexpr (detail::refers_to_a<T, Replacement>)
      return put(detail::factory_recipe<T>([object = replacement]() -> T& { return object.get(); }, life), registration::replace);
    else if constexpr (std::is_convertible_v<Replacement, std::shared_ptr<T>>)
      return put(detail::factory_recipe<T>([object = std::shared_ptr<T>(std::move(replacement))] { return object; }, life),
                 registration::replace);
    else if constexpr (std::is_convertible_v<Replacement*, T*>)
      return put(detail::value_recipe<T>(std::move(replacement), life), registration::replace);
    else
      return put(detail::factory_recipe<T>(std::move(replacement), life), registration::replace);
  }

  /// Wraps what is registered for `Interface`, now or later: `Decorator(Interface& inner, …)` takes its place and its lifetime. A later
  /// decoration wraps an earlier one.
  template <class Interface, class Decorator>
  services& decorate() {
    return put(detail::constructor_recipe<Interface, Decorator>(lifetime{}), registration::decorate);
  }

  /// Start-up work such as migrations or topology: a function whose parameters are injected. Initializers run once, one after another in
  /// the order they were added, when all singletons exist; each in a scope of its own.
  template <class Work>
  services& add_initializer(std::string name, Work work) {
    if constexpr (detail::injectable_function<Work>()) {
      using parameters = typename callable<Work>::parameters;
      put_initializer({.name = std::move(name),
                       .needs = detail::needs_of(parameters{}),
                       .state = std::make_shared<const Work>(std::move(work)),
                       .run = [](const void* function, const detail::builder& from) {
                         static_cast<void>(detail::inject(*static_cast<const Work*>(function), from, parameters{}));
                       }});
    }
    return *this;
  }

  /// Declares what a handler will ask its scope for (`service_list<…>`, `signature<F>::needs`), so that the check covers it.
  services& need(service_consumer consumer, std::span<const service_type* const> needs);

  /// Whether somebody added `T` so far. A `default_recipe` does not count.
  template <class T>
  bool has() const {
    return has(detail::service_type_of<std::remove_cvref_t<T>>);
  }
  bool has(const service_type& type) const;

  /// Checks the graph without building anything: what is missing, circular or added twice, and a singleton that holds a scoped service.
  /// Throws one mamey::error (code `service_graph`) with a line for each mistake, naming the handler and the chain:
  /// `CreateOrder needs orders::Pricing, which nobody added (handler create_order, module orders)`.
  void check() const;

 private:
  friend class service_provider;
  enum class registration : std::uint8_t { add, replace, decorate };
  struct initializer {
    std::string name;
    std::vector<const service_type*> needs;
    std::shared_ptr<const void> state;
    void (*run)(const void* function, const detail::builder& from) = nullptr;
  };
  struct state;

  services& put(detail::recipe made, registration how);
  void put_initializer(initializer work);

  std::unique_ptr<state> state_;
};

/// The root of an application: owns the singletons and the recipes of everything else. Destroy it after every scope.
class service_provider {
 public:
  /// Checks the graph (see `services::check`) and throws when it is wrong. Builds nothing.
  explicit service_provider(services registrations);
  /// Ends the singletons in reverse order of their construction.
  ~service_provider();
  service_provider(const service_provider&) = delete;
  service_provider& operator=(const service_provider&) = delete;

  /// Builds every singleton, dependencies first, then runs the initializers. Afterwards singletons are found without a lock from every
  /// thread. Throws what a constructor or initializer throws, wrapped in a mamey::error that says which one.
  void start();

  /// A singleton. Before `start` only the composing thread may ask; then it is built on demand.
  template <class T>
  T& get() {
    return *static_cast<T*>(find(detail::service_type_of<std::remove_const_t<T>>));
  }
  void* find(const service_type& type);
  /// Everything that these services lead to, themselves included. For the framework, at the start.
  std::vector<const service_type*> reached_from(std::span<const service_type* const> needs) const;

  /// How `from` comes to need one of `wanted`: `Report (report_service), which needs mamey::database`. Empty: it does not.
  std::optional<std::string> chain_to(const service_type& from, std::span<const service_type* const> wanted) const;

 private:
  friend class scope;
  friend class detail::builder;
  struct state;
  std::unique_ptr<state> state_;
};

/// Where one request or message finds its services. Cheap to make and to end: nothing is allocated until something scoped is built. Used by
/// one fiber at a time. Objects it built end with it, in reverse order.
class scope {
 public:
  explicit scope(service_provider& provider) noexcept : provider_(&provider) {}
  ~scope() {
    if (count_ != 0) clear();
  }
  scope(const scope&) = delete;
  scope& operator=(const scope&) = delete;

  /// The `T` of this scope. Throws a mamey::error (code `service_missing`) when there is no way to make one; what its constructor throws
  /// passes through unchanged.
  template <class T>
  T& get() {
    return *static_cast<T*>(find(detail::service_type_of<std::remove_const_t<T>>));
  }
  void* find(const service_type& type);

  /// Offers an object of the caller, which outlives the scope, to everything built in this scope; it wins over a registered recipe.
  template <class T>
  void place(T& object) {
    hold({&type_key_of<T>, {const_cast<std::remove_const_t<T>*>(&object)}});
  }

  service_provider& provider() const noexcept { return *provider_; }

 private:
  friend class detail::builder;
  friend class service_provider;
  struct entry {
    const type_key* key;  ///< null: not to be found (transient, inside of a decorator)
    detail::instance made;
  };
  static constexpr std::size_t inline_capacity = 8;

  entry& at(std::size_t index) noexcept { return index < inline_capacity ? inline_[index] : overflow_[index - inline_capacity]; }
  void hold(const entry& item);
  void* find_fallback(const service_type& type);
  void* make(std::size_t index);
  void* build(const detail::recipe& made, const type_key* key, const detail::builder& from);
  void clear() noexcept;

  service_provider* provider_;
  std::size_t count_ = 0;
  const detail::building* building_ = nullptr;  ///< what is being built now: finds circles that only run-time lookups make
  std::array<entry, inline_capacity> inline_;   // NOLINT: left uninitialised, `count_` says how many are alive
  std::vector<entry> overflow_;
};

}  // namespace mamey::inline v1
