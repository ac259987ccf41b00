#include <algorithm>
#include <exception>
#include <unordered_set>

#include <mamey/core/detail/service_graph.hpp>
#include <mamey/core/detail/service_registrations.hpp>
#include <mamey/core/error.hpp>
#include <mamey/core/services.hpp>

namespace mamey::inline v1 {

namespace detail {

/// The constructions under way in one scope (or, for singletons, in the provider), innermost first.
struct building {
  const recipe* made;
  const building* outer;
};

namespace {

/// Enters a construction; refuses one that is under way already.
class building_guard {
 public:
  building_guard(const building*& innermost, const recipe& made) : innermost_(innermost), entered_{&made, innermost} {
    for (const auto* b = innermost; b; b = b->outer) {
      if (b->made == &made) throw internal_error("service_graph", "making {service} asked for itself: a circle", made.provides->key->name);
    }
    innermost_ = &entered_;
  }
  ~building_guard() { innermost_ = entered_.outer; }
  building_guard(const building_guard&) = delete;
  building_guard& operator=(const building_guard&) = delete;

 private:
  const building*& innermost_;
  building entered_;
};

/// Says what was being done when a start-up exception flew; its kind, code and reason stay.
[[noreturn]] void rethrow_while(const std::string& doing) {
  try {
    throw;
  } catch (const error& e) {
    std::throw_with_nested(error(e.kind(), e.code(), doing + ": " + e.reason()));
  } catch (const std::exception& e) {
    std::throw_with_nested(error(error_kind::internal, "start_failed", doing + ": " + e.what()));
  } catch (...) {
    std::throw_with_nested(error(error_kind::internal, "start_failed", doing + ": an exception of unknown type"));
  }
}

}  // namespace
}  // namespace detail

struct service_provider::state {
  detail::service_graph graph;
  std::vector<services::initializer> initializers;
  std::vector<void*> singletons;        ///< by node; null while not built; immutable once started
  std::vector<detail::instance> built;  ///< in order of construction
  const detail::building* building = nullptr;
  const detail::recipe* culprit = nullptr;  ///< the innermost construction that threw
  bool started = false;

  /// For a singleton under construction: another singleton, or a transient of its own.
  void* supply(service_provider& provider, std::size_t index) {
    const bool is_singleton = graph[index].made.life == lifetime::singleton;
    if (is_singleton && singletons[index]) return singletons[index];
    void* const made = make(provider, index);
    return is_singleton ? singletons[index] = made : made;
  }

  void* make(service_provider& provider, std::size_t index) {
    const auto& node = graph[index];
    const detail::building_guard guard(building, node.made);
    try {
      return keep(node.made.make(node.made.state.get(), detail::builder(provider, nullptr, decorated_by(node), node.inner)));
    } catch (...) {
      if (!culprit) culprit = &node.made;
      throw;
    }
  }

  void* keep(const detail::instance& made) {
    try {
      built.push_back(made);
    } catch (...) {
      made.end();
      throw;
    }
    return made.service;
  }

  static const type_key* decorated_by(const detail::service_node& node) noexcept {
    return node.inner == detail::no_node ? nullptr : node.made.provides->key;
  }
};

service_provider::service_provider(services registrations) : state_(std::make_unique<state>()) {
  registrations.state_->compile_into(state_->graph);
  state_->initializers = std::move(registrations.state_->initializers);
  state_->singletons.resize(state_->graph.size());
  state_->singletons[state_->graph.find(&type_key_of<service_provider>)] = this;
}

service_provider::~service_provider() {
  for (auto& built = state_->built; !built.empty(); built.pop_back()) built.back().end();
}

void service_provider::start() {
  for (std::size_t i = 0; i < state_->graph.size(); ++i) {
    if (state_->graph[i].made.life != lifetime::singleton || !state_->graph.is_outermost(i)) continue;
    try {
      state_->culprit = nullptr;
      state_->supply(*this, i);
    } catch (...) {
      detail::rethrow_while("cannot make " + std::string(state_->culprit ? state_->culprit->provides->key->name : "a service"));
    }
  }
  state_->started = true;
  for (const auto& work : state_->initializers) {
    scope own(*this);
    try {
      work.run(work.state.get(), detail::builder(*this, &own));
    } catch (...) {
      detail::rethrow_while("initializer " + work.name);
    }
  }
}

std::optional<std::string> service_provider::chain_to(const service_type& from, std::span<const service_type* const> wanted) const {
  return detail::graph_check(state_->graph).find_chain(from, [wanted](const detail::recipe& made) {
    return std::ranges::any_of(wanted, [&](const service_type* each) { return each->key == made.provides->key; });
  });
}

std::vector<const service_type*> service_provider::reached_from(std::span<const service_type* const> needs) const {
  std::vector<const service_type*> reached(needs.begin(), needs.end());
  std::unordered_set<const type_key*> seen;
  for (const auto* each : needs) seen.insert(each->key);
  for (std::size_t i = 0; i < reached.size(); ++i) {
    for (auto node = state_->graph.find(reached[i]->key); node != detail::no_node; node = state_->graph[node].inner) {
      for (const auto* need : state_->graph[node].made.needs) {
        if (seen.insert(need->key).second) reached.push_back(need);
      }
    }
  }
  return reached;
}

void* service_provider::find(const service_type& type) {
  const auto index = state_->graph.find(type.key);
  if (index != detail::no_node && state_->graph[index].made.life == lifetime::singleton) return state_->supply(*this, index);
  if (index == detail::no_node) throw internal_error("service_missing", "{service} was asked for, but nobody added it", type.key->name);
  throw internal_error("service_missing", "{service} is not a singleton: ask a scope for it", type.key->name);
}

void* detail::builder::find(const service_type& type) const {
  auto& root = *provider_.state_;
  if (type.key == decorated_) return from_ ? from_->make(inner_) : root.supply(provider_, inner_);
  if (from_) return from_->find(type);
  return root.supply(provider_, root.graph.find(type.key));  // the check has seen every need
}

void* scope::find(const service_type& type) {
  for (std::size_t i = 0; i < count_; ++i) {
    if (const auto& held = at(i); held.key == type.key) return held.made.service;
  }
  auto& root = *provider_->state_;
  const auto index = root.graph.find(type.key);
  if (index == detail::no_node) return find_fallback(type);
  const auto& made = root.graph[index].made;
  if (made.life == lifetime::singleton) return root.supply(*provider_, index);
  if (made.make) return make(index);
  if (type.key == &type_key_of<scope>) return this;
  throw internal_error("service_missing", "{service} was asked for, but it was not placed in this scope", type.key->name);
}

void* scope::find_fallback(const service_type& type) {
  if (!type.fallback) throw internal_error("service_missing", "{service} was asked for, but nobody added it", type.key->name);
  const auto made = type.fallback();
  if (made.life == lifetime::singleton) {
    throw internal_error("service_missing", "{service} was asked for, but nobody declared that before the start: services.need",
                         type.key->name);
  }
  return build(made, made.life == lifetime::scoped ? type.key : nullptr, detail::builder(*provider_, this));
}

void* scope::make(std::size_t index) {
  const auto& graph = provider_->state_->graph;
  const auto& node = graph[index];
  const bool is_found_again = node.made.life == lifetime::scoped && graph.is_outermost(index);
  const detail::builder from(*provider_, this, service_provider::state::decorated_by(node), node.inner);
  return build(node.made, is_found_again ? node.made.provides->key : nullptr, from);
}

void* scope::build(const detail::recipe& made, const type_key* key, const detail::builder& from) {
  const detail::building_guard guard(building_, made);
  const auto result = made.make(made.state.get(), from);
  try {
    hold({key, result});
  } catch (...) {
    result.end();
    throw;
  }
  return result.service;
}

void scope::hold(const entry& item) {
  if (count_ < inline_capacity)
    inline_[count_] = item;
  else
    overflow_.push_back(item);
  ++count_;
}

void scope::clear() noexcept {
  while (count_ > 0) {
    const auto last = at(count_ - 1).made;
    if (count_ > inline_capacity) overflow_.pop_back();
    --count_;
    last.end();
  }
}

}  // namespace mamey::inline v1
