#include <mamey/feature/configuration_changes.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include <mamey/core/ascii.hpp>
#include <mamey/core/configuration.hpp>
#include <mamey/core/error.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/sync.hpp>

namespace mamey::inline v1 {
namespace {

const logger log{"mamey.configuration"};

std::string lowered(std::string_view text) {
  std::string low(text);
  std::ranges::transform(low, low.begin(), ascii_lower);
  return low;
}

bool is_at_or_below(std::string_view key, std::string_view prefix) {
  return key.starts_with(prefix) && (prefix.empty() || key.size() == prefix.size() || key[prefix.size()] == ':');
}

}  // namespace

struct configuration_changes::state {
  struct known_value {
    std::size_t rank = 0;
    std::string value;
  };
  struct entry {
    std::string prefix;
    std::shared_ptr<const listener> hear;
  };

  std::size_t rank_of(std::string_view layer) {
    const auto found = std::ranges::find(layers, layer);
    if (found != layers.end()) return static_cast<std::size_t>(found - layers.begin());
    layers.emplace_back(layer);
    return layers.size() - 1;
  }

  /// Null where there are too many keys.
  known_value* place_of(const std::string& key, std::size_t rank, bool& fresh) {
    if (const auto found = known.find(key); found != known.end()) {
      fresh = false;
      return &found->second;
    }
    fresh = true;
    if (known.size() < most_keys) return &known.emplace(key, known_value{.rank = rank, .value = {}}).first->second;
    if (!std::exchange(told_of_bound, true))
      log.error("the layers of the configuration give more than {count} keys: changes of the others are not followed", most_keys);
    return nullptr;
  }

  /// Takes the value in; whether it is another one than before.
  bool take(const configured_value& given, std::size_t rank) {
    bool fresh = false;
    auto* const place = place_of(lowered(given.key), rank, fresh);
    if (!place || place->rank > rank) return false;
    const bool same = fresh ? started_with->find(given.key) == std::optional(given.value) : place->value == given.value;
    *place = {.rank = rank, .value = given.value};
    return !same;
  }

  const configuration* started_with;
  mutex publishing;  ///< held while listeners run
  std::mutex guard;  ///< of all that follows; never held across a suspension
  std::vector<std::string> layers;
  std::map<std::string, known_value> known;  ///< by key in small letters
  std::vector<entry> listeners;
  bool told_of_bound = false;
};

configuration_changes::configuration_changes(const configuration& started_with) : state_(std::make_unique<state>()) {
  state_->started_with = &started_with;
}
configuration_changes::~configuration_changes() = default;

void configuration_changes::on_change(std::string prefix, listener hear) {
  const std::lock_guard lock(state_->guard);
  state_->listeners.push_back({.prefix = lowered(prefix), .hear = std::make_shared<const listener>(std::move(hear))});
}

void configuration_changes::start_with(std::string_view layer, std::span<const configured_value> values) {
  const std::lock_guard lock(state_->guard);
  const auto rank = state_->rank_of(layer);
  for (const auto& each : values) state_->take(each, rank);
}

void configuration_changes::publish(std::string_view layer, std::span<const configured_value> values) {
  const std::lock_guard one_at_a_time(state_->publishing);
  for (auto each : values) {
    if (each.origin.empty()) each.origin = layer;
    std::vector<std::shared_ptr<const listener>> hearing;
    {
      const std::lock_guard lock(state_->guard);
      if (!state_->take(each, state_->rank_of(layer))) continue;
      const auto key = lowered(each.key);
      for (const auto& [prefix, hear] : state_->listeners) {
        if (is_at_or_below(key, prefix)) hearing.push_back(hear);
      }
    }
    if (hearing.empty()) {
      log.warning("{key} has another value now ({origin}), which nobody here takes while the service runs: it holds from the next start on",
                  each.key, each.origin);
      continue;
    }
    log.info("{key} has another value now ({origin})", each.key, each.origin);
    for (const auto& hear : hearing) {
      try {
        (*hear)(each);
      } catch (const cancelled&) {
        throw;
      } catch (...) {
        log.error("the new value of {key} ({origin}) was not taken: {error}", each.key, each.origin, describe_current_exception().detail);
      }
    }
  }
}

}  // namespace mamey::inline v1
