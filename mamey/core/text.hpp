#pragma once

/// @file
/// For features and services.
/// Text templates with holes (`order {order_id} placed`), shared by errors and the log, without <format> or fmt in a header.

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <mamey/core/text_codec.hpp>

namespace mamey::inline v1 {

/// A value for one hole of a template, its type erased. Numbers and booleans keep their kind (a structured log sink writes them as
/// such); everything else becomes text. It may refer to its source, so it lives no longer than the call it is made for.
class text_argument {
 public:
  enum class kind : std::uint8_t { boolean, integer, unsigned_integer, real, text };

  text_argument(bool value) noexcept : kind_(kind::boolean), integer_(value) {}
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  text_argument(T value) noexcept
      : kind_(std::is_signed_v<T> ? kind::integer : kind::unsigned_integer), integer_(static_cast<std::int64_t>(value)) {}
  text_argument(double value) noexcept : kind_(kind::real), real_(value) {}
  text_argument(std::string_view value) noexcept : kind_(kind::text), view_(value) {}
  text_argument(const char* value) noexcept : text_argument(std::string_view(value)) {}
  text_argument(const std::string& value) noexcept : text_argument(std::string_view(value)) {}
  /// Any type with `std::string to_string(const T&)` found by argument-dependent lookup: uuid, decimal, times, enums of the framework.
  template <class T>
    requires((std::is_class_v<T> || std::is_enum_v<T>) &&
             requires(const T& value) {
               { to_string(value) } -> std::convertible_to<std::string>;
             })
  text_argument(const T& value) : kind_(kind::text), owned_(to_string(value)), owns_(true) {}
  /// Any other type with a `text_codec`: std::chrono times, strong ids of one's own.
  template <class T>
    requires(has_text_codec<T> && !requires(const T& value) { to_string(value); })
  text_argument(const T& value) : kind_(kind::text), owns_(true) {
    text_codec<T>::to_text(owned_, value);
  }

  kind type() const noexcept { return kind_; }
  std::int64_t integer() const noexcept { return integer_; }
  double real() const noexcept { return real_; }
  std::string_view text() const noexcept { return owns_ ? std::string_view(owned_) : view_; }

 private:
  kind kind_;
  std::int64_t integer_ = 0;
  double real_ = 0;
  std::string_view view_;
  std::string owned_;
  bool owns_ = false;
};

/// Appends the text form of `argument` to `out`.
void append_text(std::string& out, const text_argument& argument);

/// Replaces each `{…}` of `pattern` by the next argument; the name inside is for structured sinks. `{{` and `}}` are literal braces. A hole
/// without an argument stays as it is.
std::string format_text(std::string_view pattern, std::span<const text_argument> arguments);

/// `customer_id`, `CustomerId` and `CUSTOMER_ID` ⇒ `customerId`, as .NET's camelCase policy names them on the wire (`IOStream` ⇒
/// `ioStream`).
std::string camel_case(std::string_view name);

/// `OrderCreated` and `orderCreated` ⇒ `order_created`.
std::string snake_case(std::string_view name);

/// Whether two texts are equal when the letters A–Z count as a–z (ASCII only, as names on the wire are).
bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept;

}  // namespace mamey::inline v1
