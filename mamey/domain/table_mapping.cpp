#include <mamey/domain/table_mapping.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <memory>
#include <set>
#include <stdexcept>

#include <mamey/core/json.hpp>
#include <mamey/core/text.hpp>
#include <mamey/core/time.hpp>
#include <mamey/core/utf8.hpp>
#include <mamey/domain/collection.hpp>

namespace mamey::inline v1 {
namespace {

const type_model& value_type(const type_model& type) { return type.kind == shape::optional ? value_type(type.element()) : type; }

bool is_bytes(const type_model& type) {
  return type.kind == shape::list && type.element().kind == shape::unsigned_integer && type.element().width == 1;
}

std::string pascal_case(std::string_view name) {
  auto styled = name.find('_') == std::string_view::npos ? std::string(name) : camel_case(name);
  if (!styled.empty() && styled.front() >= 'a' && styled.front() <= 'z') styled.front() = static_cast<char>(styled.front() - 'a' + 'A');
  return styled;
}

std::string styled(std::string_view name, column_naming style) {
  switch (style) {
    case column_naming::snake_case:
      return snake_case(name);
    case column_naming::camel_case:
      return camel_case(name);
    case column_naming::pascal_case:
      return pascal_case(name);
    case column_naming::as_written:
      break;
  }
  return std::string(name);
}

sql_value enum_value(const enumerator_model& of, enum_column style) {
  switch (style) {
    case enum_column::snake_case:
      return snake_case(of.wire_name);
    case enum_column::camel_case:
      return std::string(of.wire_name);
    case enum_column::pascal_case:
      return pascal_case(of.wire_name);
    case enum_column::number:
      break;
  }
  return of.value;
}

std::string text_of(double number) {
  std::array<char, 32> text{};
  const auto* const end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  return {text.data(), static_cast<std::size_t>(end - text.data())};
}

std::string text_of(const sql_value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* real = std::get_if<double>(&value)) return text_of(*real);
  const auto* text = std::get_if<std::string>(&value);
  return text ? *text : std::string();
}

void as_ef_core(std::string& text, const type_model& type) {
  if (type.format == "uuid")
    std::ranges::transform(text, text.begin(), [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c; });
  if (type.format != "date-time") return;
  if (text.size() > 10 && text[10] == 'T') text[10] = ' ';
  if (!text.ends_with('Z')) return;
  text.pop_back();
  while (text.ends_with('0')) text.pop_back();  // it writes as many places as it takes, and sorts rightly without the Z
  if (text.ends_with('.')) text.pop_back();
}

/// Whose text as its owner writes it does not sort as the values do.
bool sorts_otherwise(const type_model& type) { return type.key == &type_key_of<offset_timestamp> || type.format == "duration"; }

bool is_utf8(std::string text) {
  std::ranges::replace(text, '\0', ' ');
  return is_utf8_text(text);
}

/// What a column holds, for a message that goes to a log: times and numbers only, for a text may be anybody's.
std::string quoted_value(const std::string& text, const type_model& type) {
  constexpr std::size_t longest = 40;
  const bool is_shown = type.kind != shape::text && type.format != "uuid" && text.size() <= longest && is_utf8_text(text);
  return is_shown ? ": \"" + text + '"' : std::string();
}

std::string read_bytes(const sql_value& from, const type_model& type, void* object) {
  const auto* const bytes = std::get_if<std::vector<std::byte>>(&from);
  if (bytes == nullptr) return "bytes";
  type.clear(object);
  for (const auto each : *bytes) *static_cast<std::uint8_t*>(type.append(object)) = static_cast<std::uint8_t>(each);
  return {};
}

std::string read_json(const std::string& text, const type_model& type, void* object) {
  const auto wrong = json::read(text, type, object, json::reading_stored);
  if (wrong.empty()) return {};
  return "JSON of " + std::string(type.key->name) + " (" + wrong.front().path + ": " + wrong.front().message + ")";
}

}  // namespace

column_content content_of(const type_model& declared, enum_column enums) {
  const auto& type = value_type(declared);
  switch (type.kind) {
    case shape::boolean:
      return column_content::boolean;
    case shape::integer:
    case shape::unsigned_integer:
      return column_content::integer;
    case shape::real:
      return column_content::real;
    case shape::enumeration:
      return enums == enum_column::number ? column_content::integer : column_content::text;
    case shape::scalar:
      if (type.written_as_json) return column_content::json;
      if (type.written_as_number) return column_content::decimal;
      if (type.format == "uuid") return column_content::uuid;
      if (type.format == "date-time") return column_content::time;
      if (type.format == "date") return column_content::date;
      return column_content::text;
    case shape::list:
      return is_bytes(type) ? column_content::bytes : column_content::json;
    case shape::object:
    case shape::dictionary:
      return column_content::json;
    case shape::text:
    case shape::optional:
      break;
  }
  return column_content::text;
}

sql_value mapped_value(const type_model& type, const void* object, const table_mapping& mapping) {
  if (type.kind == shape::optional) {
    const void* const inside = type.get(object);
    return inside ? mapped_value(type.element(), inside, mapping) : sql_value{};
  }
  if (is_bytes(type)) {
    std::vector<std::byte> bytes(type.count(object));
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(*static_cast<const std::uint8_t*>(type.at(object, i)));
    return bytes;
  }
  if (sorts_otherwise(type)) {  // as its owner writes it
    std::string text;
    type.to_text(text, object);
    return mapped_condition(std::move(text), type, mapping);
  }
  auto value = column_value(type, object);
  if (const auto* number = std::get_if<std::int64_t>(&value); number && *number < 0 && type.kind == shape::unsigned_integer)
    throw conflict("value_refused", "an integer above {most} does not fit into a column", std::numeric_limits<std::int64_t>::max());
  return mapped_condition(std::move(value), type, mapping);
}

sql_value mapped_condition(sql_value value, const type_model& declared, const table_mapping& mapping) {
  const auto& type = value_type(declared);
  auto* const text = std::get_if<std::string>(&value);
  if (text == nullptr) return value;
  if (type.kind == shape::enumeration) {
    const auto* const found = find_enumerator(type, *text);
    return found ? enum_value(*found, mapping.enums) : value;
  }
  if (type.kind == shape::scalar && mapping.texts == column_texts::ef_core) as_ef_core(*text, type);
  return value;
}

std::string iso_time(std::string text) {
  if (text.size() > 10 && text[10] == ' ') text[10] = 'T';
  return text;
}

std::string read_mapped_value(const sql_value& from, const type_model& type, void* object) {
  if (type.kind == shape::optional) {
    if (!std::holds_alternative<std::monostate>(from)) return read_mapped_value(from, type.element(), type.emplace(object));
    type.clear(object);
    return {};
  }
  if (std::holds_alternative<std::monostate>(from)) return {};
  if (is_bytes(type)) return read_bytes(from, type, object);
  auto text = text_of(from);
  if (type.kind == shape::object || type.kind == shape::list || type.kind == shape::dictionary) return read_json(text, type, object);
  if (const auto* number = std::get_if<std::int64_t>(&from); number && type.kind == shape::boolean) text = *number == 0 ? "false" : "true";
  if (type.kind == shape::enumeration) text = camel_case(text);
  if (type.format == "date-time") text = iso_time(std::move(text));
  std::string expected;
  if (type.kind == shape::text && is_utf8(text))
    *static_cast<std::string*>(object) = std::move(text);  // one with U+0000, which is not written any more, is still read
  else if (!json::read_text(text, type, object, &expected))
    return expected + quoted_value(text, type);
  return {};
}

void detail::map_collection(collection& to, table_mapping mapping, const type_model& id) {
  const auto refuse = [&](const std::string& what) {
    throw std::logic_error("the mapping of " + std::string(to.model->key->name) + " " + what);
  };
  auto made = std::make_shared<mapped_table>();
  static_cast<table_mapping&>(*made) = std::move(mapping);
  made->id_type = &id;
  if (made->table.empty()) made->table = to.name;
  if (made->id.empty()) refuse("names no id column");
  if (!to.versioned) {
    made->version.clear();
    made->position.clear();
  }
  to.versioned = !made->version.empty();

  std::set<std::string, std::less<>> taken{made->id};
  for (const auto& each : {made->version, made->position}) {
    if (!each.empty() && !taken.insert(each).second) refuse("uses the column " + each + " twice");
  }
  for (const auto& named : made->columns) {
    if (named.owner != to.model->key) refuse("names a member of another type, for the column " + named.name);
    if (std::ranges::find(to.model->members, named.offset, &member_model::offset) == to.model->members.end())
      refuse("names a member that is not reflected");
  }
  for (const auto& member : to.model->members) {
    const auto named = std::ranges::find(made->columns, member.offset, &named_column::offset);
    const auto name = named != made->columns.end() ? named->name : member.name == "id" ? made->id : styled(member.name, made->naming);
    const auto declared = std::ranges::find(to.columns, &member, &indexed_column::member);
    if (name == made->id && made->id_member == nullptr) {
      if (declared != to.columns.end()) refuse("makes " + std::string(member.name) + " the id, which needs no index declared");
      made->id_member = &member;
      continue;
    }
    if (name.empty()) refuse("gives " + std::string(member.name) + " no name");
    if (!taken.insert(name).second) refuse("uses the column " + name + " twice, once for " + std::string(member.name));
    if (declared == to.columns.end()) {
      made->others.push_back({.name = name, .member = &member});
      continue;
    }
    const auto content = content_of(member.type(), made->enums);
    if (sorts_otherwise(value_type(member.type())))
      refuse("declares an index on " + std::string(member.name) + ", whose text does not sort as its values do: search by another member");
    if (content == column_content::bytes || content == column_content::json)
      refuse("declares an index on " + std::string(member.name) + ", which is " + (content == column_content::json ? "JSON" : "bytes"));
    if (name == "id") refuse("sorts by a column id that is not the id: declare no index on " + std::string(member.name));
    declared->name = name;
  }
  to.mapped = std::move(made);
}

}  // namespace mamey::inline v1
