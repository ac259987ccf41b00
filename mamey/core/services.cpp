#include <mamey/core/services.hpp>

#include <algorithm>

#include <mamey/core/detail/service_registrations.hpp>
#include <mamey/core/error.hpp>

namespace mamey::inline v1 {

services::services() : state_(std::make_unique<state>()) {
  add_placed<scope>();
  put({.provides = &detail::service_type_of<service_provider>, .life = lifetime::singleton}, registration::add);
}
services::services(services&&) noexcept = default;
services& services::operator=(services&&) noexcept = default;
services::~services() = default;

services& services::put(detail::recipe made, registration how) {
  if (std::ranges::count(made.needs, nullptr) != 0) {
    throw internal_error("service_graph", "{service} was registered before main began, when its constructor's parameters are not known yet",
                         made.provides->key->name);
  }
  if (how == registration::replace) {
    std::erase_if(state_->entries, [&](const state::entry& e) { return e.made.provides->key == made.provides->key; });
  }
  state_->entries.push_back({std::move(made), how});
  return *this;
}

void services::put_initializer(initializer work) { state_->initializers.push_back(std::move(work)); }

services& services::need(service_consumer consumer, std::span<const service_type* const> needs) {
  state_->consumers.push_back({std::move(consumer), {needs.begin(), needs.end()}});
  return *this;
}

bool services::has(const service_type& type) const {
  return std::ranges::any_of(state_->entries,
                             [&](const state::entry& e) { return e.made.provides->key == type.key && e.how != registration::decorate; });
}

void services::check() const {
  detail::service_graph graph;
  state_->compile_into(graph);
}

namespace {

std::string whereabouts(const service_consumer& who) {
  std::string text;
  const auto append = [&text](std::string_view role, const std::string& name) {
    if (!name.empty()) text.append(text.empty() ? "" : ", ").append(role).append(" ").append(name);
  };
  append("handler", who.handler);
  append("module", who.module);
  return text.empty() ? text : " (" + text + ")";
}

[[noreturn]] void throw_mistakes(const std::vector<std::string>& mistakes) {
  constexpr std::size_t most_lines = 20;
  std::string text;
  for (std::size_t i = 0; i < std::min(mistakes.size(), most_lines); ++i) text.append(i == 0 ? "" : "\n").append(mistakes[i]);
  if (mistakes.size() > most_lines) text += "\nand " + std::to_string(mistakes.size() - most_lines) + " more";
  throw error(error_kind::internal, "service_graph", text);
}

}  // namespace

void services::state::compile_into(detail::service_graph& graph) const {
  std::vector<std::string> mistakes;
  add_nodes(graph, mistakes);
  find_mistakes(graph, mistakes);
  if (!mistakes.empty()) throw_mistakes(mistakes);
}

void services::state::add_nodes(detail::service_graph& graph, std::vector<std::string>& mistakes) const {
  for (const auto& [made, how] : entries) {
    if (how == registration::decorate) continue;
    if (graph.find(made.provides->key) != detail::no_node) {
      mistakes.push_back(std::string(made.provides->key->name) + " was added twice: say replace where that is meant");
    }
    graph.add(made);
  }
  for (const auto& [who, needs] : consumers) {
    for (const auto* need : needs) graph.add_fallback(*need);
  }
  for (const auto& work : initializers) {
    for (const auto* need : work.needs) graph.add_fallback(*need);
  }
  for (const auto& [made, how] : entries) {
    if (how != registration::decorate) continue;
    graph.add_fallback(*made.provides);
    if (graph.find(made.provides->key) != detail::no_node) {
      graph.decorate(made);
    } else {
      mistakes.push_back(std::string(made.made_by) + " decorates " + std::string(made.provides->key->name) + ", which nobody added");
    }
  }
  graph.add_fallbacks();
}

void services::state::find_mistakes(const detail::service_graph& graph, std::vector<std::string>& mistakes) const {
  detail::graph_check check(graph);
  const auto examine = [&](const std::string& who, const std::vector<const service_type*>& needs, const std::string& where) {
    for (const auto* need : needs) {
      if (auto chain = check.examine(*need)) mistakes.push_back(who + " needs " + *chain + where);
    }
  };
  const auto require_unplaced = [&](const std::string& who, const std::vector<const service_type*>& needs, std::string_view instead) {
    for (const auto* need : needs) {
      if (const auto placed = check.find_placed(*need))
        mistakes.push_back(who + " needs " + *placed + ", which is there only while a handler runs: " + std::string(instead));
    }
  };
  for (const auto& [who, needs] : consumers) {
    examine(who.message, needs, whereabouts(who));
    if (!who.has_placed) require_unplaced(who.message, needs, "let the handler find out, and throw mamey::domain_error");
  }
  for (const auto& work : initializers) {
    examine("initializer " + work.name, work.needs, "");
    require_unplaced("initializer " + work.name, work.needs, "ask for mamey::dispatcher& and send a command, whose handler may have it");
  }
  for (std::size_t i = 0; i < graph.size(); ++i) {
    if (auto chain = check.examine(i)) mistakes.push_back(std::move(*chain));
  }
}

namespace detail {

void throw_factory_made_nothing(const type_key& service) {
  throw internal_error("service_missing", "the factory of {service} returned a null pointer", service.name);
}

}  // namespace detail
}  // namespace mamey::inline v1
