#pragma once

/// @file
/// For services.
/// A service's own section of the configuration, as a module or an application declares it.

#include <memory>
#include <string>
#include <utility>

#include <mamey/core/reflect.hpp>
#include <mamey/core/services.hpp>

namespace mamey::inline v1 {

/// A section of the configuration, and how what was read of it is registered.
struct options_definition {
  std::string section;
  const type_model* model = nullptr;
  std::shared_ptr<void> values;
  void (*add)(services& into, std::shared_ptr<void> values) = nullptr;
};

namespace detail {
template <class Options>
options_definition options_in(std::string section) {
  constexpr bool checks_alone = !checks_with_services<Options>;
  static_assert(
      checks_alone,
      "mamey: options are checked before there are services: `static void check(const LoanOptions& options, mamey::violations& found)`.");
  return {.section = std::move(section),
          .model = &model_of<Options>(),
          .values = std::make_shared<Options>(),
          .add = [](services& into, std::shared_ptr<void> values) {
            into.add<Options>([values = std::static_pointer_cast<Options>(std::move(values))] { return values; });
          }};
}
}  // namespace detail

}  // namespace mamey::inline v1
