#include <mamey/domain/cursor.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include <mamey/core/decimal.hpp>
#include <mamey/core/error.hpp>
#include <mamey/core/json.hpp>
#include <mamey/core/time.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/domain/column_times.hpp>
#include <mamey/domain/table_mapping.hpp>

namespace mamey::inline v1::detail {
namespace {

constexpr std::size_t longest = 16 << 10;

/// What stands in a cursor: where it may be used, and the place.
struct cursor_content {
  static constexpr bool strict = true;
  std::string in;
  std::string by;
  bool ascending = true;
  std::optional<std::int64_t> integer;
  std::optional<double> real;
  std::optional<std::string> text;
  std::string id;
};

constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// RFC 4648 §5, without padding.
std::string encode(std::string_view bytes) {
  std::string text;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char each : bytes) {
    bits = bits << 8U | static_cast<std::uint8_t>(each);
    for (count += 8; count >= 6; count -= 6) text += digits[bits >> static_cast<unsigned>(count - 6) & 63U];
  }
  if (count > 0) text += digits[bits << static_cast<unsigned>(6 - count) & 63U];
  return text;
}

std::optional<std::string> decode(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char each : text) {
    const auto digit = digits.find(each);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6U | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> static_cast<unsigned>(count) & 255U);
  }
  return bytes;
}

bool is_integer(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failed == std::errc() && end == text.data() + text.size();
}

/// Whether a database would take it for a value of the column.
bool fits(const sql_value& key, const type_model& declared, const collection& in) {
  const auto& type = held_type(declared);
  const bool numbered = in.mapped && in.mapped->enums == enum_column::number;
  if (std::holds_alternative<std::monostate>(key)) return true;
  const auto* const text = std::get_if<std::string>(&key);
  switch (type.kind) {
    case shape::boolean:
      return key == sql_value(std::int64_t{0}) || key == sql_value(std::int64_t{1});
    case shape::integer:
    case shape::unsigned_integer:
      return std::holds_alternative<std::int64_t>(key);
    case shape::real:
      return std::holds_alternative<double>(key);
    case shape::scalar:
      if (text == nullptr) return false;
      if (type.written_as_number) return decimal::parse(*text).has_value();
      if (type.format == "uuid") return uuid::parse(*text).has_value();
      if (type.format == "date-time") return parse_timestamp(iso_time(*text)).has_value();
      if (type.format == "date") return parse_date(*text).has_value();
      return true;
    case shape::enumeration:  // a value without a name is kept as its number
      return (text != nullptr && !numbered) || std::holds_alternative<std::int64_t>(key);
    default:
      return text != nullptr;
  }
}

std::optional<document_place> read(std::string_view text, const collection& in, const type_model& id, const document_query& query) {
  if (text.size() > longest) return std::nullopt;
  const auto bytes = decode(text);
  cursor_content content;
  if (!bytes || !json::read(*bytes, model_of<cursor_content>(), &content, {.duplicates = json::duplicates::refuse}).empty())
    return std::nullopt;
  if (content.in != in.name || content.by != query.order_by || content.ascending != query.ascending) return std::nullopt;
  document_place place{.key = {}, .id = std::move(content.id)};
  if (content.integer) place.key = *content.integer;
  if (content.real) place.key = *content.real;
  if (content.text) place.key = std::move(*content.text);
  const auto column = std::ranges::find(in.columns, query.order_by, &indexed_column::name);
  const auto* const member = query.unindexed ? query.unindexed : column == in.columns.end() ? nullptr : column->member;
  if (member == nullptr ? !std::holds_alternative<std::monostate>(place.key) : !fits(place.key, member->type(), in)) return std::nullopt;
  // An id that is a text of its own is any text; one that PostgreSQL cannot hold is none.
  const auto* const key = std::get_if<std::string>(&place.key);
  if (place.id.find('\0') != std::string::npos || (key && key->find('\0') != std::string::npos)) return std::nullopt;
  if (id.format == "uuid" && !uuid::parse(place.id)) return std::nullopt;
  if ((id.kind == shape::integer || id.kind == shape::unsigned_integer) && !is_integer(place.id)) return std::nullopt;
  return place;
}

}  // namespace

std::string write_cursor(const document_place& place, const collection& in, const document_query& query) {
  cursor_content content{
      .in = in.name, .by = query.order_by, .ascending = query.ascending, .integer = {}, .real = {}, .text = {}, .id = place.id};
  if (const auto* integer = std::get_if<std::int64_t>(&place.key)) content.integer = *integer;
  if (const auto* real = std::get_if<double>(&place.key)) content.real = *real;
  if (const auto* text = std::get_if<std::string>(&place.key)) content.text = *text;
  return encode(json::to_string(content, {.unwritable = json::unwritable::replace}));
}

document_place read_cursor(std::string_view text, const collection& in, const type_model& id, const document_query& query) {
  auto place = read(text, in, id, query);
  if (!place)
    throw validation_error({{.path = "after", .code = "bad_cursor", .message = "expected `next` of the page before, in the same order"}});
  return std::move(*place);
}

}  // namespace mamey::inline v1::detail
