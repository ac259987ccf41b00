#pragma once

/// @file
/// How services.hpp learns what a constructor or a factory asks for, and how it supplies that.

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <mamey/core/callable.hpp>
#include <mamey/core/type_key.hpp>

namespace mamey::inline v1 {

enum class lifetime : std::uint8_t;
class scope;
class service_provider;
template <class T>
struct default_recipe;

namespace detail {

struct recipe;
struct building;

/// A dependency at run time: which type, and the recipe to fall back on when nobody added one.
struct service_type {
  const type_key* key;
  recipe (*fallback)();    ///< null without a `default_recipe`
  const void* (*about)();  ///< `default_recipe<T>::about`; null without one
};

template <class T>
recipe fallback_recipe();

template <class T>
inline constexpr service_type service_type_of{&type_key_of<T>,
                                              [] {
                                                recipe (*fallback)() = nullptr;
                                                if constexpr (requires { default_recipe<T>::life; }) fallback = &fallback_recipe<T>;
                                                return fallback;
                                              }(),
                                              [] {
                                                const void* (*about)() = nullptr;
                                                if constexpr (requires { default_recipe<T>::about; }) about = &default_recipe<T>::about;
                                                return about;
                                              }()};

/// What a recipe made: the pointer consumers get, and the object behind it with the way to end it (null when it is not ours).
struct instance {
  void* service = nullptr;
  void* owned = nullptr;
  void (*destroy)(void*) noexcept = nullptr;

  void end() const noexcept {
    if (destroy) destroy(owned);
  }
};

/// Supplies the arguments of one construction. A decorator gets what it wraps; everything else comes from the scope, or, for a singleton,
/// from the provider.
class builder {
 public:
  builder(service_provider& provider, scope* from, const type_key* decorated = nullptr, std::size_t inner = 0) noexcept
      : provider_(provider), from_(from), decorated_(decorated), inner_(inner) {}

  template <class T>
  T& get() const {
    return *static_cast<T*>(find(service_type_of<T>));
  }

 private:
  void* find(const service_type& type) const;

  service_provider& provider_;
  scope* from_;
  const type_key* decorated_;
  std::size_t inner_;
};

/// One registration, its types erased.
struct recipe {
  const service_type* provides = nullptr;
  lifetime life{};
  std::string_view made_by;                ///< the implementation's name; empty when it is the service itself or unknown
  std::vector<const service_type*> needs;  ///< known without building anything
  std::shared_ptr<const void> state;       ///< factory or value
  instance (*make)(const void* state, const builder& from) = nullptr;  ///< null: placed by the framework in each scope
};

template <class Service, class Object>
instance own(Object* object) noexcept {
  return {static_cast<Service*>(object), object, [](void* owned) noexcept { delete static_cast<Object*>(owned); }};
}

// ── Constructors ──

inline constexpr std::size_t most_arguments = 12;

template <class D, class Owner>
concept dependency_of = std::is_class_v<D> && !std::same_as<std::remove_const_t<D>, Owner>;

/// The services the chosen constructor of `Owner` asks for. Filled before main, see `recorded`.
template <class Owner>
constinit inline std::array<const service_type*, most_arguments> constructor_needs{};

/// The conversion to the I-th parameter names this variable, so the compiler instantiates it for exactly the constructor it chose, and its
/// initialiser writes down the parameter's type when the program starts. That makes the graph known without building a single object.
template <class Owner, std::size_t I, class D>
inline const bool recorded = (constructor_needs<Owner>[I] = &service_type_of<D>, true);

/// Stands for the I-th constructor argument: converts to whatever reference the parameter asks for, except to `Owner` itself, so that copy
/// and move constructors do not count.
template <class Owner, std::size_t I>
struct argument {
  const builder* from;

  template <dependency_of<Owner> D>
  operator D&() const {
    static_cast<void>(&recorded<Owner, I, std::remove_const_t<D>>);
    return from->template get<std::remove_const_t<D>>();
  }
  /// Makes a parameter by value ambiguous, hence not injectable.
  template <dependency_of<Owner> D>
  operator D() const;
};

template <class T, std::size_t... I>
consteval bool constructible_from(std::index_sequence<I...>) {
  return requires { T(std::declval<argument<T, I>>()...); };
}

/// The number of constructor arguments of `T`: the most with which it can be made; above `most_arguments` if there is none.
template <class T, std::size_t N = most_arguments>
consteval std::size_t arity() {
  if constexpr (constructible_from<T>(std::make_index_sequence<N>{}))
    return N;
  else if constexpr (N == 0)
    return most_arguments + 1;
  else
    return arity<T, N - 1>();
}

template <class Service, class Implementation, std::size_t... I>
instance construct(const builder& from, std::index_sequence<I...>) {
  static_cast<void>(from);
  return own<Service>(new Implementation(argument<Implementation, I>{&from}...));
}

/// True when `Implementation` can be registered as `Service`; otherwise one sentence says why not.
template <class Service, class Implementation>
consteval bool injectable() {
  constexpr bool is_object = std::is_class_v<Implementation>;
  static_assert(is_object, "mamey: a service is a class or struct");
  constexpr bool is_derived = std::same_as<Service, Implementation> || std::derived_from<Implementation, Service>;
  static_assert(is_derived, "mamey: add<Interface, Implementation>() needs an Implementation that derives publicly from Interface");
  constexpr bool is_concrete = !std::is_abstract_v<Implementation>;
  static_assert(is_concrete, "mamey: this service is abstract: say which class implements it, services.add<Interface, Implementation>()");
  if constexpr (is_object && is_derived && is_concrete) {
    constexpr bool is_constructible = arity<Implementation>() <= most_arguments;
    static_assert(
        is_constructible,
        "mamey: no constructor of this service can be injected. Take dependencies by reference (T& or const T&, at most 12), or register a "
        "factory: services.add<T>([](Dependency& d) { return T(d); })");
    return is_constructible;
  }
  return false;
}

template <class Service, class Implementation>
recipe constructor_recipe(lifetime life) {
  recipe made{.provides = &service_type_of<Service>, .life = life};
  if constexpr (injectable<Service, Implementation>()) {
    constexpr auto count = arity<Implementation>();
    if constexpr (!std::same_as<Service, Implementation>) made.made_by = type_key_of<Implementation>.name;
    const auto& needs = constructor_needs<Implementation>;
    made.needs.assign(needs.begin(), needs.begin() + count);
    made.make = [](const void*, const builder& from) {
      return construct<Service, Implementation>(from, std::make_index_sequence<count>{});
    };
  }
  return made;
}

// ── Factories and values ──

[[noreturn]] void throw_factory_made_nothing(const type_key& service);

template <class P>
concept owning_pointer = requires(P& pointer) {
                           typename P::element_type;
                           pointer.get();
                           *pointer;
                         };

/// Keeps what a factory returned: a value, a reference (not owned), or a unique_ptr or shared_ptr.
template <class Service, class Make>
instance keep(const Make& make) {
  using result = decltype(make());
  using object = std::remove_cvref_t<result>;
  if constexpr (owning_pointer<object>) {
    auto holder = std::make_unique<object>(make());
    if (!holder->get()) throw_factory_made_nothing(type_key_of<Service>);
    return {static_cast<Service*>(holder->get()), holder.release(), [](void* owned) noexcept { delete static_cast<object*>(owned); }};
  } else if constexpr (std::is_lvalue_reference_v<result>) {
    return {static_cast<Service*>(&make())};
  } else {
    return own<Service>(new object(make()));
  }
}

template <class Service, class Result>
consteval bool factory_makes() {
  using object = std::remove_cvref_t<Result>;
  if constexpr (owning_pointer<object>)
    return std::convertible_to<typename object::element_type*, Service*>;
  else if constexpr (std::is_class_v<object>)
    return std::convertible_to<std::remove_reference_t<Result>*, Service*>;
  else
    return false;
}

template <class P>
inline constexpr bool is_reference_to_class = std::is_lvalue_reference_v<P> && std::is_class_v<std::remove_cvref_t<P>>;

template <class F, class... P>
decltype(auto) inject(F& function, const builder& from, type_list<P...>) {
  return function(from.get<std::remove_cvref_t<P>>()...);
}

template <class... P>
std::vector<const service_type*> needs_of(type_list<P...>) {
  return {&service_type_of<std::remove_cvref_t<P>>...};
}

/// True when every parameter of `F` can be supplied; otherwise one sentence says why not.
template <class F>
consteval bool injectable_function() {
  constexpr bool is_callable = has_signature<F>;
  static_assert(is_callable, "mamey: expected a function or a lambda whose parameters have types (no auto): [](Clock& clock) { … }");
  if constexpr (is_callable) {
    return []<class... P>(type_list<P...>) {
      constexpr bool is_shareable = std::is_invocable_v<const F&, P...>;
      static_assert(is_shareable, "mamey: a factory or initializer may run on several loops at once, so it cannot be a mutable lambda");
      constexpr bool takes_references = (is_reference_to_class<P> && ...);
      static_assert(takes_references, "mamey: a factory or initializer takes its dependencies by reference: Clock& or const Clock&");
      return is_shareable && takes_references;
    }(typename callable<F>::parameters{});
  }
  return false;
}

template <class Service, class Factory>
recipe factory_recipe(Factory factory, lifetime life) {
  recipe made{.provides = &service_type_of<Service>, .life = life};
  if constexpr (injectable_function<Factory>()) {
    using parameters = typename callable<Factory>::parameters;
    constexpr bool makes_service = factory_makes<Service, typename callable<Factory>::result>();
    static_assert(makes_service,
                  "mamey: a factory returns the service: by value, by reference (not owned), or as unique_ptr or shared_ptr");
    if constexpr (makes_service) {
      made.needs = needs_of(parameters{});
      made.state = std::make_shared<const Factory>(std::move(factory));
      made.make = [](const void* state, const builder& from) {
        auto& function = *static_cast<const Factory*>(state);
        return keep<Service>([&]() -> decltype(auto) { return inject(function, from, parameters{}); });
      };
    }
  }
  return made;
}

/// `std::ref(object)`.
template <class Service, class Reference>
concept refers_to_a = requires(const Reference& reference) {
                        { &reference.get() } -> std::convertible_to<Service*>;
                      } && !std::is_convertible_v<Reference*, Service*>;

template <class Service, class Value>
recipe value_recipe(Value value, lifetime life) {
  recipe made{.provides = &service_type_of<Service>, .life = life};
  made.state = std::make_shared<Value>(std::move(value));
  made.make = [](const void* state, const builder&) {
    return instance{
        static_cast<Service*>(static_cast<Value*>(const_cast<void*>(state)))};  // made mutable, shared_ptr<const void> only stores it
  };
  return made;
}

template <class T>
recipe fallback_recipe() {
  if constexpr (requires { &default_recipe<T>::make; })
    return factory_recipe<T>(&default_recipe<T>::make, default_recipe<T>::life);
  else
    return constructor_recipe<T, T>(default_recipe<T>::life);
}

}  // namespace detail
}  // namespace mamey::inline v1
