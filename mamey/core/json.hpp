#pragma once

/// @file
/// JSON ⇄ reflected values, straight from and to text. The dialect is System.Text.Json's web defaults: camelCase names read in any case,
/// enums as camelCase strings (integers accepted), numbers accepted in strings, nulls written; decimals keep their scale.
///
/// Nothing here suspends the fiber or keeps state between calls; a `text_codec` called on the way must not suspend either.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/core/presence.hpp>
#include <mamey/core/reflect.hpp>

namespace mamey::inline v1::json {

/// What a member that comes twice means. Names that differ in case only are the same name. Of members nobody reads nothing is known.
enum class duplicates { last_wins, refuse };

struct read_options {
  json::duplicates duplicates = duplicates::last_wins;
  int max_depth = 64;               ///< nested arrays and objects, also in members nobody reads; at most 512, for a fiber's stack
  std::size_t max_violations = 32;  ///< further ones are not reported
};

/// Any JSON value, kept as the text it came in; for shapes unknown at compile time. On writing the text goes out as it is, so it must be
/// JSON: a value read, or made by `json::to_string`.
struct raw {
  std::string text = "null";
  friend bool operator==(const raw&, const raw&) = default;
};

/// Reads `text` into an existing object and answers every violation, each with its path in wire names; empty means success. Malformed
/// JSON is one violation (`malformed_json` with the byte offset, `too_deep`, …) and the object is then half read.
///  - A member that is absent or null keeps its value, unless its type is std::optional (null empties it).
///  - Members nobody reads are validated and skipped; a type with `static constexpr bool strict = true` refuses them.
///  - Absent members that a rule requires are violations; those of the outermost object only when `present` is null, for others may
///    have another source: `present` learns which came (null counts as absent), and `validate` is told.
std::vector<violation> read(std::string_view text, const type_model& model, void* object, const read_options& options = {},
                            presence* present = nullptr);

/// Reads a value. Throws validation_error with every violation.
template <class T>
T parse(std::string_view text, const read_options& options = {}) {
  T value{};
  if (auto violations = read(text, model_of<T>(), &value, options); !violations.empty()) throw validation_error(std::move(violations));
  return value;
}

/// Appends the object as JSON without white space. Bytes of a text that are not UTF-8 are written as U+FFFD, numbers that are not finite
/// as null.
void write(std::string& out, const type_model& model, const void* object);

/// The value as JSON.
template <class T>
std::string to_string(const T& value) {
  std::string text;
  write(text, model_of<T>(), &value);
  return text;
}

/// Appends `text` as a JSON string, quotes included.
void write_text(std::string& out, std::string_view text);

/// Whether `text` is one JSON value (RFC 8259) nested no deeper than `max_depth`.
bool is_valid(std::string_view text, int max_depth = 64);

/// Reads one plain text (route, query, header or configuration value) as a scalar, an enum, or a further element of a list. An empty text
/// empties an optional unless it holds text. Returns false when it does not fit and then says what would: `an integer`.
bool read_text(std::string_view text, const type_model& model, void* object, std::string* expected = nullptr);

/// What a value of that type looks like, for messages: `an integer`, `a uuid`, `one of placed, delivered`.
std::string expected(const type_model& model);

/// The violation for a value that does not fit the type; `got` is quoted as it is (`"x"`, `an array`).
violation mismatch(const type_model& model, std::string path, std::string_view got);

}  // namespace mamey::inline v1::json

namespace mamey::inline v1 {

template <>
struct text_codec<json::raw> {
  static void to_text(std::string& out, const json::raw& value) { out += value.text; }
  static bool from_text(json::raw& value, std::string_view text) { return value.text = text, true; }  // the reader has validated it
  static constexpr std::string_view format = "json";
  static constexpr std::string_view expected = "JSON";
  static constexpr bool written_as_json = true;
};

}  // namespace mamey::inline v1
