#pragma once

/// @file
/// A store or a transport by its names, for the configuration that chooses one and for the sentences about it.

#include <cstdint>
#include <string>

namespace mamey::inline v1 {

/// When what a feature brings is used, where no key of the configuration names it or another.
enum class engine_use : std::uint8_t {
  always,           ///< one of each kind an application
  when_configured,  ///< where the setting is given that it needs; then instead of one that is used always
};

struct engine {
  std::string name;          ///< value of `persistence:store` or `messaging:transport`: `postgres`, `rabbitMq`
  std::string feature;       ///< as code spells it: `mamey::postgres()`
  std::string needs;         ///< setting it cannot do without: `postgres:connectionString`; empty: none
  std::string needs_form;    ///< what is written there, for the error: `Host=…;Database=…`
  engine_use use = engine_use::always;
};

}  // namespace mamey::inline v1
