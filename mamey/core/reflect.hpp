#pragma once

/// @file
/// For features and services.
/// A struct becomes a run-time table, once. JSON, validation, configuration, binding, SQL columns and OpenAPI read the table in ordinary
/// functions, so a message type costs the compiler one small template.
///
/// Reflected are: aggregates of up to 64 members without C arrays, bit-fields or bases with data; bool, integers, float, double,
/// enums (by name), std::string, std::optional, lists (std::vector, std::deque), dictionaries (std::map<std::string, T>,
/// std::unordered_map<std::string, T>), and any type with a `text_codec`.
/// Tables are made at first use and live as long as the process; reading them is safe from every thread.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <mamey/core/detail/aggregate.hpp>
#include <mamey/core/text_codec.hpp>
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
  std::string_view json_key;  ///< as JSON writes it: `"customerId":`
};

struct enumerator_model {
  std::string_view wire_name;  ///< camelCase
  std::int64_t value = 0;
};

/// The table of one type, for the codecs. Only the members for its shape are set.
struct type_model {
  shape kind = shape::object;
  const type_key* key = nullptr;
  std::size_t size = 0;

  std::span<const member_model> members;  // object
  const rule_set& (*rules)() = nullptr;   // object with `static constexpr auto rules()` or `static void check(const T&, violations&)`
  void (*reset)(void*) = nullptr;         // object: back to its initialisers
  bool strict = false;                    // object with `static constexpr bool strict = true`: unknown members are refused
  bool checks_with_services = false;      // object whose `check` asks for services: only the handling of a message can call it

  std::span<const enumerator_model> enumerators;  // enumeration
  const std::int64_t* fallback = nullptr;         // enumeration with a declared fallback for unknown names
  std::uint8_t width = 0;                         // boolean, integers, real, enumeration: bytes
  bool is_signed = false;                         // enumeration, integers

  void (*to_text)(std::string& out, const void*) = nullptr;    // scalar: appends
  bool (*from_text)(void*, std::string_view) = nullptr;        // scalar: false when malformed
  std::string_view format;                                     // scalar: `uuid`, `date-time`, `decimal`, …
  std::string_view expected;                                   // scalar: for messages, empty for "a <format>"
  bool written_as_number = false;                              // scalar: JSON without quotes (decimal)
  bool written_as_json = false;                                // scalar: its text is JSON already (json::raw)
  bool (*can_write)(const void*) = nullptr;                    // scalar with values whose text nobody could read again
  void (*to_column)(std::string& out, const void*) = nullptr;  // scalar whose text does not sort as its values do: appends one that does
  bool (*from_setting)(void*, std::string_view) = nullptr;     // scalar that a configuration file may spell in more ways
  bool (*is_nil)(const void*) = nullptr;                       // scalar with a nil value a command must not carry (uuid and ids made of it)
  void (*generate)(void*) = nullptr;                           // scalar that can be made afresh (`.generated()`)

  model_function element = nullptr;                       // list, optional, dictionary
  std::size_t (*count)(const void*) = nullptr;            // list, dictionary
  const void* (*at)(const void*, std::size_t) = nullptr;  // list
  void* (*append)(void*) = nullptr;                       // list
  void (*clear)(void*) = nullptr;                         // list, dictionary, optional
  const void* (*get)(const void*) = nullptr;              // optional: nullptr when empty
  void* (*emplace)(void*) = nullptr;                      // optional
  void* (*insert)(void*, std::string_view) = nullptr;     // dictionary
  void (*each)(const void*, void* context, void (*visit)(void* context, std::string_view key, const void* value)) = nullptr;  // dictionary
};

/// The table of `T`. For a type that cannot be reflected a static_assert says how to change it.
template <class T>
const type_model& model_of();

/// The member that a pointer to member names: `member_of(&Order::customer_id)`. Throws std::logic_error for a pointer into another class.
template <class T, class Member>
const member_model& member_of(Member T::* member);

/// Names an enumerator on the wire: `placed`; empty for a value without a name.
template <class Enum>
std::string_view enum_name(Enum value);

/// Specialise to rename members on the wire:
///
///     template <> struct mamey::wire_names<Order> {
///       static constexpr std::pair<std::string_view, std::string_view> names[] = {{"customer_id", "CustomerID"}};
///     };
template <class T>
struct wire_names;

/// Specialise for an enum to read unknown names (from a newer sender) as one enumerator instead of refusing them:
/// `template <> struct mamey::enum_fallback<Status> { static constexpr Status value = Status::unknown; };`
template <class Enum>
struct enum_fallback;

/// The range of values that is searched for names. Specialise for an enum with values outside of it; each value costs compile time:
///
///     template <> struct mamey::enum_limits<Port> { static constexpr int min = 0, max = 9000; };
template <class Enum>
struct enum_limits {
  static constexpr int min = -128;
  static constexpr int max = 255;
};

/// Finds an enumerator by value or by wire name (letters of any case); nullptr when there is none.
const enumerator_model* find_enumerator(const type_model& model, std::int64_t value) noexcept;
const enumerator_model* find_enumerator(const type_model& model, std::string_view wire_name) noexcept;

}  // namespace mamey::inline v1

#include <mamey/core/detail/shapes.hpp>
// This order: the second is made of the first.
#include <mamey/core/detail/model.hpp>
