#pragma once

/// @file
/// Text ⇄ numbers, enums and codec types, shared by JSON and plain text binding.

#include <cstdint>
#include <string>
#include <string_view>

#include <mamey/core/reflect.hpp>

namespace mamey::inline v1::detail {

enum class text_result : std::uint8_t { stored, malformed, out_of_range };

/// Decimal digits with an optional minus, all of `text`; nothing is stored unless they fit the type.
text_result store_integer_text(const type_model& model, void* object, std::string_view text) noexcept;

/// A decimal floating point number, all of `text`; infinities and NaN are refused. What is too small to tell from 0 is 0.
text_result store_real_text(const type_model& model, void* object, std::string_view text) noexcept;

/// Wire names of enumerators in any case, joined by or where commas stand between them; or a number that the type can hold, whether or not it has a
/// name. Blanks around are skipped. What has no name stores the declared fallback, if there is one.
text_result store_enumerator_text(const type_model& model, void* object, std::string_view text) noexcept;

}  // namespace mamey::inline v1::detail
