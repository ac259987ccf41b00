#pragma once

/// @file
/// For services.
/// Ids with types of their own: the compiler refuses a customer's id in place of an order's.

#include <compare>
#include <functional>
#include <string>
#include <string_view>

#include <mamey/core/uuid.hpp>

namespace mamey::inline v1 {

/// A uuid of one kind: `using OrderId = mamey::id<struct order_id_tag>;`. On the wire, in routes and in columns it is the uuid.
template <class Tag>
struct id {
  uuid value;

  /// Time-ordered, as `uuid::v7`.
  static id generate() { return {uuid::v7()}; }
  constexpr bool is_nil() const noexcept { return value.is_nil(); }
  friend constexpr auto operator<=>(const id&, const id&) = default;
  friend std::string to_string(const id& self) { return to_string(self.value); }
};

/// The codec of a struct that wraps one value and has the same text form as this value. For your own id type:
/// `struct OrderId { mamey::uuid value; }; template <> struct mamey::text_codec<OrderId> : mamey::codec_of_value<OrderId> {};`
template <class T>
struct codec_of_value {
  using inner = text_codec<decltype(T::value)>;
  static void to_text(std::string& out, const T& wrapped) { inner::to_text(out, wrapped.value); }
  static bool from_text(T& wrapped, std::string_view text) { return inner::from_text(wrapped.value, text); }
  static bool is_nil(const T& wrapped)
    requires requires { inner::is_nil(wrapped.value); }
  {
    return inner::is_nil(wrapped.value);
  }
  static T generate()
    requires requires { inner::generate(); }
  {
    return T{inner::generate()};
  }
  static constexpr std::string_view format = inner::format;
};

template <class Tag>
struct text_codec<id<Tag>> : codec_of_value<id<Tag>> {};

}  // namespace mamey::inline v1

template <class Tag>
struct std::hash<mamey::id<Tag>> {
  std::size_t operator()(const mamey::id<Tag>& id) const noexcept { return std::hash<mamey::uuid>()(id.value); }
};
