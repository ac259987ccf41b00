#pragma once

#include <mamey/core/presence.hpp>
#include <mamey/core/rules.hpp>

namespace mamey::inline v1::detail {

/// Calls `use` with each member that a rule requires and that has not come. The model has rules.
template <class Use>
void for_each_missing(const type_model& model, const presence& present, Use use) {
  for (const auto& rule : model.rules().members())
    if (rule.required && !present.has(rule.member)) use(model.members[rule.member]);
}

}  // namespace mamey::inline v1::detail
