#pragma once

/// @file
/// Text from outside, of which one does not know that it is any: UTF-8 without U+0000, which not every database can keep.

#include <string>
#include <string_view>

namespace mamey::inline v1 {

bool is_utf8_text(std::string_view bytes) noexcept;

/// Every byte that belongs to no character becomes `?`: the length stays.
void make_utf8_text(std::string& bytes) noexcept;

}  // namespace mamey::inline v1
