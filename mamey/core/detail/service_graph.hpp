#pragma once

/// @file
/// The registrations of one application as a graph: services are nodes, what their makers ask for are edges.

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <mamey/core/services.hpp>

namespace mamey::inline v1::detail {

inline constexpr std::size_t no_node = static_cast<std::size_t>(-1);

/// One maker. A decorated service is a chain of nodes: the outermost is found by the service's type, each knows the one it wraps.
struct service_node {
  recipe made;
  std::size_t inner = no_node;
};

class service_graph {
 public:
  service_graph() = default;
  service_graph(const service_graph&) = delete;
  service_graph& operator=(const service_graph&) = delete;
  ~service_graph();

  /// Adds a node that is found by its type from now on.
  void add(recipe made);
  /// Adds a node that wraps the one found so far.
  void decorate(recipe made);
  /// Adds the default recipe of `type`, unless there is a node for it or no such recipe.
  void add_fallback(const service_type& type);
  /// Adds default recipes for what the nodes need, and for what those need.
  void add_fallbacks();

  std::size_t find(const type_key* key) const noexcept;
  /// The node that supplies `need` to the node `user`: inside a decorator, the decorated.
  std::size_t supplier(std::size_t user, const service_type& need) const noexcept;
  const service_node& operator[](std::size_t index) const noexcept { return nodes_[index]; }
  std::size_t size() const noexcept { return nodes_.size(); }
  /// Whether the node is found by its type, not only by its decorator.
  bool is_outermost(std::size_t index) const noexcept { return find(nodes_[index].made.provides->key) == index; }

 private:
  std::vector<service_node> nodes_;
  std::unordered_map<const type_key*, std::size_t> by_key_;
};

/// Finds what is missing, circular or captive, without building anything.
class graph_check {
 public:
  explicit graph_check(const service_graph& graph);

  /// For a consumer: `orders::Pricing, which nobody added`, to stand behind "CreateOrder needs". Nothing when all is well.
  std::optional<std::string> examine(const service_type& type);
  /// The sentence for one node: `orders::Pricing needs orders::Clock, which nobody added`. Empty when nothing is wrong, or when it was
  /// reported.
  std::optional<std::string> examine(std::size_t index);
  /// The chain to something that only a handler's scope is given (`services::add_placed`); nothing when there is none. After `examine`,
  /// which finds circles.
  std::optional<std::string> find_placed(const service_type& type) const;
  /// Likewise, the shortest chain to a node for which `wanted` says true; the node of `type` itself counts.
  std::optional<std::string> find_chain(const service_type& type, const std::function<bool(const recipe&)>& wanted) const;

 private:
  enum class progress : unsigned char { untouched, open, done };
  struct finding {
    progress state = progress::untouched;
    bool said = false;
    bool captive = false;               ///< `broken` is about a singleton holding a scoped service
    std::size_t next = no_node;         ///< the next node of the broken chain
    std::optional<std::string> broken;  ///< what stands behind "needs"
    std::optional<std::string> scoped;  ///< likewise, the chain to something scoped: breaks a singleton that needs this transient
  };

  static std::string missing(const service_type& type);
  std::string describe(std::size_t index) const;
  std::string chain_from(std::size_t index) const;
  const finding& visit(std::size_t index);
  void follow(finding& result, std::size_t user, const service_type& need);
  void mark_said(std::size_t index);

  const service_graph& graph_;
  std::vector<finding> findings_;
};

}  // namespace mamey::inline v1::detail
