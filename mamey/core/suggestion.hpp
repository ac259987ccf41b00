#pragma once

/// @file
/// For features and services.
/// The likely intended name for a misspelled one, for error messages.

#include <string>
#include <string_view>
#include <vector>

namespace mamey::inline v1 {

/// `: did you mean loanId?`, to append to a sentence about a misspelled `word`; empty when no candidate is near. Case does not count.
std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace mamey::inline v1
