#pragma once

/// @file
/// What `services` collects until a provider takes it over.

#include <string>
#include <vector>

#include <mamey/core/detail/service_graph.hpp>
#include <mamey/core/services.hpp>

namespace mamey::inline v1 {

struct services::state {
  struct entry {
    detail::recipe made;
    registration how;
  };
  struct consumer {
    service_consumer who;
    std::vector<const service_type*> needs;
  };
  std::vector<entry> entries;
  std::vector<initializer> initializers;
  std::vector<consumer> consumers;

  /// Builds the graph; throws one error with every mistake in it.
  void compile_into(detail::service_graph& graph) const;

 private:
  void add_nodes(detail::service_graph& graph, std::vector<std::string>& mistakes) const;
  void find_mistakes(const detail::service_graph& graph, std::vector<std::string>& mistakes) const;
};

}  // namespace mamey::inline v1
