#pragma once

/// @file
/// For features and services.
/// Checks that bytes from outside are text: UTF-8 without U+0000, which not every database can keep.

#include <string>
#include <string_view>

namespace mamey::inline v1 {

bool is_utf8_text(std::string_view bytes) noexcept;

/// Every byte that belongs to no character becomes `?`: the length stays.
void make_utf8_text(std::string& bytes) noexcept;

/// The first text, in the order of bytes, behind all that begin with `prefix`, which is UTF-8; empty when there is none.
std::string text_behind_prefix(std::string prefix);

}  // namespace mamey::inline v1
