#include <mamey/persistence/postgres/detail/statement.hpp>

#include <libpq-fe.h>

#include <array>
#include <charconv>

#include <mamey/core/error.hpp>
#include <mamey/core/time.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

// From the server's catalog/pg_type.dat: these numbers never change.
enum type_id : Oid {
  bool_id = 16,
  bytea_id = 17,
  int8_id = 20,
  int2_id = 21,
  int4_id = 23,
  oid_id = 26,
  float4_id = 700,
  float8_id = 701,
  timestamp_id = 1114,
  timestamptz_id = 1184
};

std::string hex_decoded(std::string_view text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  std::string bytes;
  if (!text.starts_with("\\x")) return bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t at = 2; at + 1 < text.size(); at += 2) bytes += static_cast<char>(digit(text[at]) * 16 + digit(text[at + 1]));
  return bytes;
}

/// `2026-01-02 03:04:05.6+00` ⇒ `2026-01-02T03:04:05.6000000Z`, as a column's value is written here too; one without a zone has no Z. What is beyond the calendar
/// (`infinity`, `0044-03-15 BC`) stays as it is, and no type reads it.
std::string iso_time(std::string_view text) {
  std::string iso(text);
  if (const auto blank = iso.find(' '); blank != std::string::npos) iso[blank] = 'T';
  const auto time = parse_timestamp(iso);
  if (!time) return iso;
  const bool has_zone = iso.ends_with("+00");
  iso.clear();
  text_codec<timestamp>::to_column(iso, *time);
  if (!has_zone) iso.pop_back();
  return iso;
}

template <class Number>
Number number_of(std::string_view text) noexcept {
  Number number{};
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

parameters& parameters::add(std::string text) {
  if (text.find('\0') != std::string::npos) throw conflict("value_refused", "a text in PostgreSQL cannot hold the character U+0000");
  values_.push_back({.text = std::move(text)});
  return *this;
}

std::size_t parameters::bytes() const noexcept {
  std::size_t sum = 0;
  for (const auto& each : values_) sum += each.text.size() + 8;
  return sum;
}

parameters& parameters::add(std::int64_t number) { return add(std::to_string(number)); }

parameters& parameters::add(double number) {
  std::array<char, 32> text{};
  const auto* const end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  return add(std::string_view(text.data(), static_cast<std::size_t>(end - text.data())));
}

parameters& parameters::add_null() {
  values_.push_back({.text = {}, .is_null = true});
  return *this;
}

parameters& parameters::add_bytes(std::string bytes) {
  values_.push_back({.text = std::move(bytes), .is_null = false, .is_binary = true});
  return *this;
}

parameters& parameters::add(const sql_value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return add(*integer);
  if (const auto* real = std::get_if<double>(&value)) return add(*real);
  if (const auto* text = std::get_if<std::string>(&value)) return add(*text);
  if (const auto* bytes = std::get_if<std::vector<std::byte>>(&value))
    return add_bytes(std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()));
  return add_null();
}

parameters& parameters::add(std::span<const std::int64_t> values) {
  std::string text = "{";
  for (const auto each : values) {
    if (text.size() > 1) text += ',';
    text += std::to_string(each);
  }
  return add(text += '}');
}

parameters& parameters::add_texts(std::span<const std::string> values) {
  std::string text = "{";
  for (const auto& each : values) {
    if (text.size() > 1) text += ',';
    text += '"';
    for (const char c : each) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  return add(text += '}');
}

void rows::clear(pg_result* result) noexcept { PQclear(result); }
int rows::count() const noexcept { return result_ ? PQntuples(result_.get()) : 0; }
int rows::columns() const noexcept { return result_ ? PQnfields(result_.get()) : 0; }
std::string rows::name(int column) const { return PQfname(result_.get(), column); }
bool rows::is_null(int row, int column) const noexcept { return PQgetisnull(result_.get(), row, column) != 0; }

std::string_view rows::view(int row, int column) const noexcept {
  return {PQgetvalue(result_.get(), row, column), static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::size_t rows::bytes() const noexcept { return result_ ? PQresultMemorySize(result_.get()) : 0; }

bool rows::append_row(pg_result* owned) {
  if (!result_) return result_.reset(owned, &clear), true;
  auto* const into = result_.get();
  const int row = PQntuples(into), columns = PQnfields(into);
  bool fits = true;
  for (int column = 0; column < columns && fits; ++column) {
    const bool null = PQgetisnull(owned, 0, column) != 0;
    fits = PQsetvalue(into, row, column, null ? nullptr : PQgetvalue(owned, 0, column), null ? -1 : PQgetlength(owned, 0, column)) != 0;
  }
  PQclear(owned);
  return fits;
}

std::int64_t rows::integer(int row, int column) const noexcept { return number_of<std::int64_t>(view(row, column)); }
std::string rows::bytes(int row, int column) const { return hex_decoded(view(row, column)); }

sql_value rows::value(int row, int column) const {
  if (is_null(row, column)) return {};
  const auto shown = view(row, column);
  switch (PQftype(result_.get(), column)) {
    case bool_id:
      return std::int64_t{shown == "t"};
    case int8_id:
    case int4_id:
    case int2_id:
    case oid_id:
      return number_of<std::int64_t>(shown);
    case float4_id:
    case float8_id:
      return number_of<double>(shown);  // also NaN and Infinity
    case bytea_id: {
      const auto decoded = hex_decoded(shown);
      const auto* const first = reinterpret_cast<const std::byte*>(decoded.data());
      return std::vector<std::byte>(first, first + decoded.size());
    }
    case timestamp_id:
    case timestamptz_id:
      return iso_time(shown);
    default:
      return std::string(shown);
  }
}

std::int64_t rows::affected() const noexcept { return result_ ? number_of<std::int64_t>(PQcmdTuples(result_.get())) : 0; }

}  // namespace mamey::inline v1::postgres_detail
