#pragma once

/// @file
/// Applies the rules that stand in types (rules.hpp). Nothing here suspends the fiber, unless a type's own `check` does.

#include <cstddef>
#include <string_view>
#include <vector>

#include <mamey/core/json.hpp>
#include <mamey/core/rules.hpp>

namespace mamey::inline v1 {

struct validation_options {
  bool refuse_nil = true;           ///< a nil uuid is a violation unless `.may_be_nil()`: right for commands and queries, not for events
  bool check_across = true;         ///< whether `check` functions run; not when some member has not been read
  std::size_t max_violations = 32;  ///< further ones are not reported
};

/// Puts a fresh value into each nil member whose rule says `.generated()`, also in nested objects.
void fill_generated(const type_model& model, void* object);

/// Every rule the object breaks, with its path in wire names. `present` tells which of its own members came; nested objects were asked
/// for theirs by `json::read`.
std::vector<violation> validate(const type_model& model, const void* object, const presence& present = presence::of_all(),
                                const validation_options& options = {});

/// Appends what is not about a place that `found` already names, or one inside it: a member that could not be read breaks rules as well.
void append_unreported(std::vector<violation>& found, std::vector<violation> more);

/// Reads a JSON body into `object`, fills what is `.generated()` and validates: every violation, those of reading first.
/// `present` may already hold what other sources (route, query) brought; it learns what the body brought.
std::vector<violation> read_and_validate(std::string_view text, const type_model& model, void* object, presence& present,
                                         const json::read_options& reading = {}, const validation_options& validation = {});

/// The same for a value whose only source is the text, such as a message.
std::vector<violation> read_and_validate(std::string_view text, const type_model& model, void* object,
                                         const json::read_options& reading = {}, const validation_options& validation = {});

}  // namespace mamey::inline v1
