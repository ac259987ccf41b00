#pragma once

/// @file
/// A struct becomes a runtime table, once: JSON, validation, configuration, binding, SQL columns and OpenAPI walk the table in ordinary
/// functions, so that a message type costs the compiler one small template.
///
/// What can be reflected: aggregates of up to 64 members without C arrays, base classes or bit-fields; arithmetic types, enums (by name),
/// std::string, std::optional, std::vector, std::map<std::string, T>, and any type with a `text_codec`.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <mamey/core/type_key.hpp>

namespace mamey::inline v1 {

enum class shape : std::uint8_t { boolean, integer, unsigned_integer, real, text, enumeration, scalar, object, list, optional, dictionary };

struct type_model;
class rule_set;
using model_function = const type_model& (*)();  ///< late-bound, so that a type may contain itself

/// One data member.
struct member_model {
  std::string_view name;       ///< as written in C++: `customer_id`
  std::string_view wire_name;  ///< on the wire: `customerId`
  model_function type = nullptr;
  std::size_t offset = 0;
};

struct enumerator_model {
  std::string_view wire_name;  ///< camelCase
  std::int64_t value = 0;
};

/// What the codecs know of a type. Only the members its shape needs are set.
struct type_model {
  shape kind = shape::object;
  const type_key* key = nullptr;
  std::size_t size = 0;

  std::span<const member_model> members;                 // object
  void (*rules)(rule_set&) = nullptr;                    // object with `static constexpr auto rules()`
  bool strict = false;                                   // object with `static constexpr bool strict = true`: unknown members are refused

  std::span<const enumerator_model> enumerators;         // enumeration
  const std::int64_t* fallback = nullptr;                // enumeration with a declared fallback for unknown names
  std::uint8_t width = 0;                                // boolean, integers, real, enumeration: bytes
  bool is_signed = false;                                // enumeration, integers

  void (*to_text)(std::string& out, const void*) = nullptr;   // scalar: appends
  bool (*from_text)(void*, std::string_view) = nullptr;       // scalar: false when malformed
  std::string_view format;                                    // scalar: `uuid`, `date-time`, `decimal`, …
  bool written_as_number = false;                             // scalar: JSON without quotes (decimal)
  bool (*is_nil)(const void*) = nullptr;                      // scalar with a nil value a command must not carry (uuid and ids made of it)
  void (*generate)(void*) = nullptr;                          // scalar that can be made afresh (`.generated()`)

  model_function element = nullptr;                      // list, optional, dictionary
  std::size_t (*count)(const void*) = nullptr;           // list, dictionary
  const void* (*at)(const void*, std::size_t) = nullptr; // list
  void* (*append)(void*) = nullptr;                      // list
  void (*clear)(void*) = nullptr;                        // list, dictionary, optional
  const void* (*get)(const void*) = nullptr;             // optional: nullptr when empty
  void* (*emplace)(void*) = nullptr;                     // optional
  void* (*insert)(void*, std::string_view) = nullptr;    // dictionary
  void (*each)(const void*, void* context, void (*visit)(void* context, std::string_view key, const void* value)) = nullptr;  // dictionary
};

/// The table of `T`. A type that cannot be reflected meets a static_assert that says what to do.
template <class T>
const type_model& model_of();

/// Specialise for a type with a text form of its own (money, date, strong id):
/// `static void to_text(std::string& out, const T&)`, `static bool from_text(T&, std::string_view)`, and optionally
/// `static constexpr std::string_view format`, `static constexpr bool written_as_number`, `static bool is_nil(const T&)`, `static T generate()`.
template <class T>
struct text_codec;

/// Specialise to rename members on the wire: `template <> struct mamey::wire_names<Order> { static constexpr std::pair<std::string_view, std::string_view> names[] = {{"customer_id", "CustomerID"}}; };`
template <class T>
struct wire_names;

}  // namespace mamey::inline v1
