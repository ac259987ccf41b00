#pragma once

/// @file
/// For services.
/// Applies the rules of types (rules.hpp). Nothing here suspends the fiber, unless a type's own `check` does.

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

/// All violations of the object, each with its path in wire names. `present` has the object's own members that came; `json::read` has
/// already checked the absent members of nested objects.
std::vector<violation> validate(const type_model& model, const void* object, const presence& present = presence::of_all(),
                                const validation_options& options = {});

/// Appends the violations whose place `found` does not name yet, neither itself nor a part of it: a member that could not be read also
/// breaks rules, and would be reported twice.
void append_unreported(std::vector<violation>& found, std::vector<violation> more);

/// Reads a JSON body into `object`, fills what is `.generated()` and validates: every violation, those of reading first.
/// `present` may already hold the members from other sources (route, query); the members of the body are added.
std::vector<violation> read_and_validate(std::string_view text, const type_model& model, void* object, presence& present,
                                         const json::read_options& reading = {}, const validation_options& validation = {});

/// The same for a value whose only source is the text, such as a message.
std::vector<violation> read_and_validate(std::string_view text, const type_model& model, void* object,
                                         const json::read_options& reading = {}, const validation_options& validation = {});

}  // namespace mamey::inline v1
