#pragma once

/// @file
/// Forms of numbers and ids that .NET's type converters take in configuration, and only there: bodies and bus messages know none of them.

#include <string>
#include <string_view>

#include <mamey/core/reflect.hpp>

namespace mamey::inline v1::detail {

/// `text` in the form that everything else here reads: `+5` as `5`; `0x10`, `#10` and `&h10` as `16` (bits of the type, as `0xff` is -1 to a signed
/// byte); a uuid in round brackets or as `{0x…,0x…,0x…,{0x…,…}}`; a boolean without the NULs behind it. What is none of these comes back as it is.
std::string plain_setting(std::string_view text, const type_model& model);

/// `NaN`, `Infinity`, `-Infinity` in any case; a number too large is infinite, one too small zero. False: it is none of these.
bool store_real_setting(std::string_view text, const type_model& model, void* value);

}  // namespace mamey::inline v1::detail
