#pragma once

/// @file
/// For services.
/// JSON ⇄ reflected values, straight from and to text. The dialect is System.Text.Json's web defaults: camelCase names read in any case,
/// enums as camelCase strings (integers accepted, also without a name), numbers accepted in strings, nulls written; decimals keep their
/// scale. **Everything written can be read again**: writing refuses a value whose text nobody could read.
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

/// How a member that comes twice is read. Names that differ only in case are the same name. Members that nobody reads are not checked for
/// this.
enum class duplicates { last_wins, refuse };

/// How null is read for a type that cannot be empty: a number, bool, enum, codec type or list element of those, and for the text as a
/// whole. A text, list, dictionary or object inside keeps its value in both cases, and an optional is emptied.
enum class nulls {
  refuse,
  keep_value,  ///< as if absent: for data that a store already holds
};

struct read_options {
  json::duplicates duplicates = duplicates::last_wins;
  json::nulls nulls = nulls::refuse;
  int max_depth = 64;               ///< nested arrays and objects, also in members nobody reads; at most 512, for a fiber's stack
  std::size_t max_violations = 32;  ///< further ones are not reported
};

/// How a value is handled that could not be read again.
enum class unwritable {
  refuse,
  replace,  ///< bytes that are not UTF-8 become U+FFFD; infinite numbers, NaN and too deep values become null: for logs and pages
};

struct write_options {
  int max_depth = 64;        ///< nested arrays and objects, those in a json::raw too, as for reading; at most 512
  bool may_hold_nul = true;  ///< whether a text may hold U+0000, which not every database keeps
  json::unwritable unwritable = unwritable::refuse;
};

/// A large bound for documents that are read leniently: the depth that a fiber's stack can hold.
inline constexpr int deepest = 512;

/// How a store reads its data, which earlier releases wrote with fewer bounds; and how it writes, so that every database can keep the text.
inline constexpr read_options reading_stored{.nulls = nulls::keep_value, .max_depth = deepest};
inline constexpr write_options writing_stored{.may_hold_nul = false};

/// Any JSON value, kept as the text it came in; for shapes unknown at compile time. On writing the text goes out as it is, so it must be
/// JSON: a value read, or made by `json::to_string`.
struct raw {
  std::string text = "null";
  friend bool operator==(const raw&, const raw&) = default;
};

/// Reads `text` into an existing object and answers every violation, each with its path in wire names; empty means success. Malformed
/// JSON is one violation (`malformed_json` with the byte offset, `too_deep`, …) and the object is then half read.
///  - A member that is absent keeps its value. Null empties an optional; see `nulls` for others.
///  - Members nobody reads are validated and skipped; a type with `static constexpr bool strict = true` refuses them.
///  - Absent members that a rule requires are violations. In the outermost object this holds only when `present` is null, because its members
///    may have another source: `present` records the members that came (null counts as absent), for the later call of `validate`.
std::vector<violation> read(std::string_view text, const type_model& model, void* object, const read_options& options = {},
                            presence* present = nullptr);

/// Reads a value. Throws validation_error with every violation.
template <class T>
T parse(std::string_view text, const read_options& options = {}) {
  T value{};
  if (auto violations = read(text, model_of<T>(), &value, options); !violations.empty()) throw validation_error(std::move(violations));
  return value;
}

/// Appends the object as JSON without white space. Throws validation_error, with the path of every member, for values that could not be
/// read again: text that is not UTF-8, infinite numbers and NaN, times beyond the calendar, a json::raw that is not JSON, nesting beyond
/// `max_depth`. Then `out` is half written.
void write(std::string& out, const type_model& model, const void* object, const write_options& options = {});

/// The violations for which `write` would throw; empty when it would write.
std::vector<violation> refusals(const type_model& model, const void* object, const write_options& options = {});

/// The value as JSON. Throws as `write` does.
template <class T>
std::string to_string(const T& value, const write_options& options = {}) {
  std::string text;
  write(text, model_of<T>(), &value, options);
  return text;
}

/// Appends `text` as a JSON string, quotes included; bytes that are not UTF-8 as U+FFFD.
void write_text(std::string& out, std::string_view text);

/// Whether `text` is one JSON value (RFC 8259) nested no deeper than `max_depth`.
bool is_valid(std::string_view text, int max_depth = 64);

/// Reads one plain text (route, query, header or configuration value) as a scalar, an enum, or a further element of a list. An empty text
/// empties an optional unless it holds text. A text must be UTF-8 without U+0000. Returns false when it does not fit; the
/// expected form is then given: `an integer`.
bool read_text(std::string_view text, const type_model& model, void* object, std::string* expected = nullptr);

/// The form of a value of that type, for messages: `an integer`, `a uuid`, `one of placed, delivered`.
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
