#pragma once

/// @file
/// For the framework: functions of authors whose parameters are services.

#include <functional>
#include <tuple>

#include <mamey/core/callable.hpp>
#include <mamey/core/services.hpp>

namespace mamey::inline v1::detail {

/// `Function` with its services, which are singletons: it runs outside of requests and messages.
template <auto Function>
struct injected_work {
  std::function<void()> run;
};

template <auto Function, class... Services>
void add_injected_work(services& into, type_list<Services...>) {
  if (into.has<injected_work<Function>>()) return;
  into.add<injected_work<Function>>([](Services... needed) {
    return injected_work<Function>{[bound = std::tuple<Services...>(needed...)] { std::apply(Function, bound); }};
  });
}
template <auto Function>
void add_injected_work(services& into) {
  add_injected_work<Function>(into, typename callable<decltype(Function)>::parameters{});
}
template <auto Function>
void run_injected_work(service_provider& from) {
  from.get<injected_work<Function>>().run();
}

}  // namespace mamey::inline v1::detail
