#include <mamey/core/detail/service_graph.hpp>

#include <algorithm>

namespace mamey::inline v1::detail {

service_graph::~service_graph() {
  while (!nodes_.empty()) nodes_.pop_back();  // registered values end in reverse order, too
}

void service_graph::add(recipe made) {
  by_key_[made.provides->key] = nodes_.size();
  nodes_.push_back({.made = std::move(made)});
}

void service_graph::decorate(recipe made) {
  auto& found = by_key_.at(made.provides->key);
  made.life = nodes_[found].made.life;
  nodes_.push_back({.made = std::move(made), .inner = found});
  found = nodes_.size() - 1;
}

void service_graph::add_fallback(const service_type& type) {
  if (type.fallback && !by_key_.contains(type.key)) add(type.fallback());
}

void service_graph::add_fallbacks() {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const auto needs = nodes_[i].made.needs;  // a copy: the loop adds nodes
    for (const auto* need : needs) add_fallback(*need);
  }
}

std::size_t service_graph::find(const type_key* key) const noexcept {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? no_node : found->second;
}

std::size_t service_graph::supplier(std::size_t user, const service_type& need) const noexcept {
  const auto& node = nodes_[user];
  return node.inner != no_node && need.key == node.made.provides->key ? node.inner : find(need.key);
}

graph_check::graph_check(const service_graph& graph) : graph_(graph), findings_(graph.size()) {}

std::string graph_check::missing(const service_type& type) {
  const std::string name(type.key->name);
  return name + ", which nobody added: add it as a service, or as options, .options<" + name + ">(\"section\")";
}

std::optional<std::string> graph_check::examine(const service_type& type) {
  const auto index = graph_.find(type.key);
  if (index == no_node) return missing(type);
  if (!visit(index).broken) return std::nullopt;
  mark_said(index);
  return chain_from(index);
}

std::optional<std::string> graph_check::examine(std::size_t index) {
  const auto& found = visit(index);
  if (!found.broken || found.said) return std::nullopt;
  mark_said(index);
  return describe(index) + (found.captive ? ", a singleton, needs " : " needs ") + *found.broken;
}

std::optional<std::string> graph_check::find_placed(const service_type& type) const {
  return find_chain(
      type, [](const recipe& made) { return made.life != lifetime::singleton && !made.make && made.provides->key != &type_key_of<scope>; });
}

std::optional<std::string> graph_check::find_chain(const service_type& type, const std::function<bool(const recipe&)>& wanted) const {
  // Breadth first, from the consumer: `through` is how each node was reached.
  std::vector<std::size_t> reached{graph_.find(type.key)};
  std::vector<std::size_t> through{no_node};
  for (std::size_t i = 0; i < reached.size(); ++i) {
    if (reached[i] == no_node) continue;
    const auto& made = graph_[reached[i]].made;
    if (wanted(made)) {
      auto chain = describe(reached[i]);
      for (auto step = through[i]; step != no_node; step = through[step]) chain = describe(reached[step]) + ", which needs " + chain;
      return chain;
    }
    for (const auto* need : made.needs) {
      const auto next = graph_.supplier(reached[i], *need);
      if (next == no_node || std::ranges::find(reached, next) != reached.end()) continue;
      reached.push_back(next);
      through.push_back(i);
    }
  }
  return std::nullopt;
}

std::string graph_check::describe(std::size_t index) const {
  const auto& made = graph_[index].made;
  std::string text(made.provides->key->name);
  if (!made.made_by.empty()) text.append(" (").append(made.made_by).append(")");
  return text;
}

std::string graph_check::chain_from(std::size_t index) const {
  const auto& found = findings_[index];
  return describe(index) + (found.captive ? ", a singleton, which needs " : ", which needs ") + *found.broken;
}

const graph_check::finding& graph_check::visit(std::size_t index) {
  auto& result = findings_[index];
  if (result.state != progress::untouched) return result;
  result.state = progress::open;
  for (const auto* need : graph_[index].made.needs) {
    if (!result.broken) follow(result, index, *need);
  }
  result.state = progress::done;
  return result;
}

void graph_check::follow(finding& result, std::size_t user, const service_type& need) {
  const auto target = graph_.supplier(user, need);
  if (target == no_node) {
    result.broken = missing(need);
    return;
  }
  if (findings_[target].state == progress::open) {
    result.broken = describe(target) + ": a circle";
    return;
  }
  const auto& below = visit(target);
  if (below.broken) {
    result.broken = chain_from(target);
    result.next = target;
    return;
  }
  auto scoped = below.scoped;
  if (graph_[target].made.life == lifetime::scoped)
    scoped =
        describe(target) + ", which lives only as long as one request or message (scoped): let a handler or a scoped service ask for it";
  else if (scoped)
    scoped = describe(target) + ", which needs " + *scoped;
  if (!scoped) return;
  if (graph_[user].made.life == lifetime::singleton) {
    result.broken = std::move(scoped);
    result.captive = true;
  } else if (graph_[user].made.life == lifetime::transient) {
    result.scoped = std::move(scoped);
  }
}

void graph_check::mark_said(std::size_t index) {
  for (; index != no_node && !findings_[index].said; index = findings_[index].next) findings_[index].said = true;
}

}  // namespace mamey::inline v1::detail
