#pragma once

/// @file
/// For features and services.
/// The text form of a value type. JSON, configuration, route and query binding, SQL rows and logs all use it.

#include <concepts>
#include <string>
#include <string_view>

namespace mamey::inline v1 {

/// Specialise for a type with a text form of its own (money, date, strong id):
/// `static void to_text(std::string& out, const T&)` appends; `static bool from_text(T&, std::string_view)` answers false when malformed
/// and then leaves the value alone. Neither may suspend the fiber. Optional members:
///  - `static constexpr std::string_view format`: its name in OpenAPI and messages (`uuid`, `date-time`);
///  - `static constexpr std::string_view expected`: for messages, when "a <format>" reads badly: `a date and time (2026-01-31T12:00:00Z)`;
///  - `static constexpr bool written_as_number`: JSON without quotes; a string is read as well;
///  - `static constexpr bool written_as_json`: the text is JSON already, any value;
///  - `static bool can_write(const T&)`: false for a value whose text nobody could read again (a time beyond the calendar): refused in JSON
///    and columns. `to_text` still makes a text of it, for logs;
///  - `static void to_column(std::string& out, const T&)`: the text of an indexed column, which sorts as the values do, where `to_text` does not;
///  - `static bool from_setting(T&, std::string_view)`: reads forms of a configuration file that `from_text` does not read;
///  - `static bool is_nil(const T&)`: a nil value is refused in commands and queries unless `.may_be_nil()`;
///  - `static T generate()`: the value that `.generated()` puts in place of nil.
template <class T>
struct text_codec;

template <class T>
concept has_text_codec = requires(std::string& out, T& target, const T& value, std::string_view text) {
                           text_codec<T>::to_text(out, value);
                           { text_codec<T>::from_text(target, text) } -> std::same_as<bool>;
                         };

}  // namespace mamey::inline v1
