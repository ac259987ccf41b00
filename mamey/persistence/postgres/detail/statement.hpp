#pragma once

/// @file
/// One statement with its parameters, and what the server answered.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/domain/document.hpp>

struct pg_result;

namespace mamey::inline v1::postgres_detail {

/// Values for `$1`, `$2`, … Text unless bytes: the server infers the types, so that `uuid`, `numeric`, `timestamptz` and `jsonb` take what
/// their text form says.
class parameters {
 public:
  parameters& add(std::string text);
  parameters& add(std::string_view text) { return add(std::string(text)); }
  parameters& add(const char* text) { return add(std::string(text)); }
  parameters& add(std::int64_t number);
  parameters& add(int number) { return add(static_cast<std::int64_t>(number)); }
  parameters& add(double number);
  parameters& add_null();
  parameters& add_bytes(std::string bytes);  ///< for `bytea`
  parameters& add(const sql_value& value);
  /// `{1,2,3}`: cast it, `$1::bigint[]`.
  parameters& add(std::span<const std::int64_t> values);
  /// `{"a","b"}`
  parameters& add_texts(std::span<const std::string> values);

  std::size_t size() const noexcept { return values_.size(); }
  std::size_t bytes() const noexcept;  ///< about as many as they are on the wire

 private:
  friend class connection;
  struct parameter {
    std::string text;
    bool is_null = false;
    bool is_binary = false;
  };
  std::vector<parameter> values_;
};

/// Rows of a result. Copies share them.
class rows {
 public:
  rows() = default;
  explicit rows(pg_result* owned) : result_(owned, &clear) {}

  int count() const noexcept;
  int columns() const noexcept;
  std::string name(int column) const;
  bool is_null(int row, int column) const noexcept;
  std::string_view view(int row, int column) const noexcept;
  std::string text(int row, int column) const { return std::string(view(row, column)); }
  std::int64_t integer(int row, int column) const noexcept;
  bool boolean(int row, int column) const noexcept { return view(row, column) == "t"; }
  std::size_t bytes() const noexcept;  ///< in memory
  /// One more row of the same columns; nobody else may look at these. False: out of memory.
  bool append_row(pg_result* owned);
  std::string bytes(int row, int column) const;  ///< of a `bytea`
  /// By the column's type: integers and booleans as integers, real numbers, bytes; everything else as its text, times as ISO 8601.
  sql_value value(int row, int column) const;
  /// Changed by INSERT, UPDATE, DELETE.
  std::int64_t affected() const noexcept;

 private:
  static void clear(pg_result* result) noexcept;
  std::shared_ptr<pg_result> result_;
};

struct step {
  std::string text;
  parameters values;
  rows result;  ///< filled by the answer
  /// Rows that do not fit are dropped while they come, all of them; 0: nobody looks at rows. Unset: whatever comes is kept.
  std::optional<std::size_t> most_bytes = std::nullopt;
  bool too_large = false;  ///< rows were dropped
};

}  // namespace mamey::inline v1::postgres_detail
