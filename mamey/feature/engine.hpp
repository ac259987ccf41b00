#pragma once

/// @file
/// For features and services.
/// A store or a transport by its names, for the configuration that chooses one and for the sentences about it.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace mamey::inline v1 {

class configuration;

/// When what a feature brings is used, where no key of the configuration names it or another.
enum class engine_use : std::uint8_t {
  always,           ///< one of each kind an application
  when_configured,  ///< where the setting is given that it needs; then instead of one that is used always
};

/// A step of the service's own schema, as it was given to the feature.
struct engine_migration {
  std::int64_t version = 0;
  std::string name, sql;
};

struct engine {
  std::string name;             ///< value of `persistence:store` or `messaging:transport`: `postgres`, `rabbitMq`
  std::string feature = {};     ///< as code spells it: `mamey::postgres()`
  std::string needs = {};       ///< setting it cannot do without: `postgres:connectionString`; empty: none
  std::string needs_form = {};  ///< what is written there, for the error: `Host=…;Database=…`
  engine_use use = engine_use::always;
  std::vector<engine_migration> migrations = {};  ///< of a store, for the test harness, which has one of its own in its place
  std::string migrations_setting = {};            ///< names a folder with more of them: `postgres:migrations`
  /// Looks through its section although another engine was taken; `named`: by a key of the configuration, so that nothing was left to chance. Throws
  /// configuration_error for what cannot be meant. Empty: nothing is looked at.
  std::function<void(const configuration& values, bool named)> check_unused = {};
};

}  // namespace mamey::inline v1
