#pragma once

/// @file
/// For features and services: values of the configuration that change while the application runs.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace mamey::inline v1 {

class configuration;

/// A value of a layer.
struct configured_value {
  std::string key;  ///< `catalog:pageSize`; in any case
  std::string value;
  std::string origin = {};  ///< where it stands, for errors: `vault kv/orders`; empty: the name of the layer
};

/// The changes of one application, an injectable service (`mamey::configuration_changes&`). Sections are bound once, when the application
/// starts, and do not change; who wants to follow a key listens here. Thread-safe.
class configuration_changes {
 public:
  using listener = std::function<void(const configured_value& changed)>;
  static constexpr std::size_t most_keys =
      10'000;  ///< that layers have given, together; what would be more is not followed, and logged once

  /// `started_with` outlives it: what holds where no layer has said anything.
  explicit configuration_changes(const configuration& started_with);
  ~configuration_changes();
  configuration_changes(const configuration_changes&) = delete;
  configuration_changes& operator=(const configuration_changes&) = delete;

  /// `hear` is called for each changed value at `prefix` or below it (`catalog`: `catalog:pageSize`). It runs in the fiber that publishes,
  /// one change at a time in the order in which they were published, and may suspend. What it throws is logged; the next listener is
  /// called. For as long as the application runs.
  void on_change(std::string prefix, listener hear);

  /// For layers: the values now. Listeners hear those that changed. Of two layers the later one wins, so a value of the earlier one changes
  /// nothing for a key that both have. A changed key without a listener is logged by its name. Keys that are not given keep their value.
  /// Called in a fiber; waits for another `publish` to end.
  void publish(std::string_view layer, std::span<const configured_value> values);

  /// For the host: what a layer said at the start. Layers are named in the order of their rank.
  void start_with(std::string_view layer, std::span<const configured_value> values);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace mamey::inline v1
