#include <mamey/domain/collection.hpp>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>
#include <stdexcept>

#include <mamey/core/ascii.hpp>
#include <mamey/core/error.hpp>
#include <mamey/core/json.hpp>
#include <mamey/core/text.hpp>
#include <mamey/core/utf8.hpp>

namespace mamey::inline v1 {
namespace {

std::int64_t load_integer(const type_model& model, const void* object) {
  const auto load = [&]<class T>(T value) {
    std::memcpy(&value, object, sizeof value);
    return static_cast<std::int64_t>(value);
  };
  switch (model.width) {
    case 1:
      return model.is_signed ? load(std::int8_t{}) : load(std::uint8_t{});
    case 2:
      return model.is_signed ? load(std::int16_t{}) : load(std::uint16_t{});
    case 4:
      return model.is_signed ? load(std::int32_t{}) : load(std::uint32_t{});
    default:
      return load(std::int64_t{});
  }
}

}  // namespace

std::string detail::default_collection_name(std::string_view type_name) {
  std::string name;
  for (const char c : type_name) {
    if (c == '<') break;  // a template's arguments are no part of the name
    const auto upper = is_ascii_upper(c);
    if (upper && !name.empty() && name.back() != '_') name += '_';
    name += ascii_lower(c);
  }
  if (name.ends_with('y')) {
    name.back() = 'i';
    return name + "es";
  }
  return name + (name.ends_with('s') ? "es" : "s");
}

void detail::add_column(collection& to, std::size_t offset, bool unique) {
  for (const auto& member : to.model->members) {
    if (member.offset == offset) {
      to.columns.push_back({.name = std::string(member.name), .member = &member, .unique = unique});
      return;
    }
  }
  throw std::logic_error("collection " + to.name + ": an index names a member that is not reflected");
}

const std::string& column_name(const collection& in, std::size_t offset) {
  for (const auto& column : in.columns) {
    if (column.member->offset == offset) return column.name;
  }
  for (const auto& member : in.model->members) {
    if (member.offset == offset) {
      throw std::logic_error("collection " + in.name + " has no index on " + std::string(member.name) + ": add it to indexes() of " +
                             std::string(in.model->key->name));
    }
  }
  throw std::logic_error("collection " + in.name + " has no such member");
}

sql_value column_value(const type_model& model, const void* object) {
  switch (model.kind) {
    case shape::boolean:
      return static_cast<std::int64_t>(*static_cast<const bool*>(object));
    case shape::integer:
    case shape::unsigned_integer:
      return load_integer(model, object);
    case shape::real:
      return model.width == 4 ? static_cast<double>(*static_cast<const float*>(object)) : *static_cast<const double*>(object);
    case shape::text:
      return *static_cast<const std::string*>(object);
    case shape::enumeration: {
      const auto value = load_integer(model, object);
      for (const auto& each : model.enumerators) {
        if (each.value == value) return std::string(each.wire_name);
      }
      return value;
    }
    case shape::scalar: {
      std::string text;
      (model.to_column ? model.to_column : model.to_text)(text, object);
      return text;
    }
    case shape::optional: {
      const void* inside = model.get(object);
      return inside ? column_value(model.element(), inside) : sql_value{};
    }
    case shape::object:
    case shape::list:
    case shape::dictionary: {
      std::string text;
      json::write(text, model, object, json::writing_stored);
      return text;
    }
  }
  return {};
}

std::string id_text(const type_model& model, const void* id) {
  auto value = column_value(model, id);
  if (auto* text = std::get_if<std::string>(&value)) return std::move(*text);
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  throw std::logic_error("an id is a text, an integer or a type with a text form, not " + std::string(model.key->name));
}

namespace {

void check_length(std::string_view member, const std::string& text, std::size_t most) {
  if (text.size() <= most) return;
  throw validation_error(
      {{.path = std::string(member),
        .code = "too_long",
        .message = "expected at most " + std::to_string(most) + " bytes, because it is searched by; got " + std::to_string(text.size())}});
}

void fill_columns(document& into, const collection& of, const void* object) {
  into.columns.reserve(of.columns.size());
  for (const auto& column : of.columns)
    into.columns.push_back(column_value(column.member->type(), static_cast<const std::byte*>(object) + column.member->offset));
}

void read_mapped(const document& from, const collection& in, void* state) {
  const auto at = [&](const member_model& member) { return static_cast<std::byte*>(state) + member.offset; };
  const auto read = [&](const indexed_column& column, const sql_value& value) {
    const auto expected = read_mapped_value(value, column.member->type(), at(*column.member));
    if (!expected.empty())
      throw internal_error("stored_document_unreadable", "{} {}: the column {} of {} holds something else than {}", in.name, from.id,
                           column.name, in.mapped->table, expected);
  };
  if (in.mapped->id_member) read({.name = in.mapped->id, .member = in.mapped->id_member}, from.id);
  auto value = from.columns.begin();
  for (const auto* each : {&in.columns, &in.mapped->others}) {
    for (const auto& column : *each) read(column, *value++);
  }
}

/// Columns are signed 64-bit integers, and a mapped table has no body, whose writing refuses the rest.
void refuse_what_no_column_holds(std::string_view id, const collection& of, const void* object) {
  std::vector<violation> refused;
  if (!is_utf8_text(id)) refused.push_back({"id", "not_utf8", "must be UTF-8 without U+0000"});
  if (of.mapped) std::ranges::move(json::refusals(*of.model, object, json::writing_stored), std::back_inserter(refused));
  const auto check = [&](const indexed_column& column) {
    const auto* type = &column.member->type();
    const void* value = static_cast<const std::byte*>(object) + column.member->offset;
    if (type->kind == shape::optional) {
      value = type->get(value);
      type = &type->element();
    }
    if (value == nullptr || type->kind != shape::unsigned_integer || load_integer(*type, value) >= 0) return;
    refused.push_back({std::string(column.member->wire_name), "out_of_range",
                       "expected at most " + std::to_string(std::numeric_limits<std::int64_t>::max()) + ", which a column holds"});
  };
  for (const auto& column : of.columns) check(column);
  if (of.mapped) std::ranges::for_each(of.mapped->others, check);
  if (!refused.empty()) throw validation_error(std::move(refused));
}

std::string owner_of(const collection& of) { return std::string(of.owner ? of.owner->name : of.model->key->name); }

}  // namespace

void check_tables(std::vector<const collection*> all) {
  std::erase_if(all, [](const collection* each) { return each->mapped != nullptr; });
  std::ranges::sort(all, {}, [](const collection* each) {
    auto name = each->name;  // a database may take no notice of case
    std::ranges::transform(name, name.begin(), &ascii_lower);
    return std::pair(std::move(name), owner_of(*each));
  });
  all.erase(std::unique(all.begin(), all.end()), all.end());
  const auto twice = std::ranges::adjacent_find(all, [](const collection* left, const collection* right) -> bool {
    return left != right && equal_ignoring_case(left->name, right->name);
  });
  if (twice == all.end()) return;
  const auto &first = **twice, &second = **std::next(twice);
  throw internal_error("name_taken",
                       "{} and {} would both be kept in the table {}: give one of them a name of its own, `static constexpr const char* "
                       "collection = \"other_{}\";`",
                       owner_of(first), owner_of(second), first.name, second.name);
}

void fill_document(document& into, const collection& of, const void* object) {
  into.body.clear();
  into.columns.clear();
  refuse_what_no_column_holds(into.id, of, object);
  if (of.mapped) {
    into.columns.reserve(of.columns.size() + of.mapped->others.size());
    for (const auto* each : {&of.columns, &of.mapped->others}) {
      for (const auto& column : *each)
        into.columns.push_back(
            mapped_value(column.member->type(), static_cast<const std::byte*>(object) + column.member->offset, *of.mapped));
    }
    return;
  }
  json::write(into.body, *of.model, object, json::writing_stored);
  fill_columns(into, of, object);
  check_length("id", into.id, longest_id);
  for (std::size_t i = 0; i < of.columns.size(); ++i) {
    if (const auto* text = std::get_if<std::string>(&into.columns[i]))
      check_length(of.columns[i].member->wire_name, *text, longest_indexed_text);
  }
}

namespace {

/// A member's null keeps its value; a document that is null as a whole is none.
std::vector<violation> read_body(std::string_view body, const type_model& model, void* object) {
  constexpr std::string_view space = " \t\r\n";
  const auto first = body.find_first_not_of(space);
  if (first != body.npos && body.substr(first, body.find_last_not_of(space) + 1 - first) == "null")
    return {{.path = "", .code = "type_mismatch", .message = "expected an object, got null"}};
  return json::read(body, model, object, json::reading_stored);
}

}  // namespace

void read_document(const document& from, const collection& in, void* state) {
  if (in.mapped) return read_mapped(from, in, state);
  const auto wrong = read_body(from.body, *in.model, state);
  if (!wrong.empty()) {
    // Ours, not the caller's: the stored document no longer fits the type.
    throw internal_error("stored_document_unreadable", "{} {}: {} {}", in.name, from.id, wrong.front().path, wrong.front().message);
  }
}

void assign_members(document& row, const collection& in, std::span<const member_assignment> assigned) {
  ++row.version;
  std::string patch;
  for (const auto& each : assigned) {
    for (std::size_t i = 0; i < row.columns.size(); ++i) {
      const auto& column = i < in.columns.size() ? in.columns[i] : in.mapped->others[i - in.columns.size()];
      if (column.name == each.column) row.columns[i] = each.value;
    }
    if (in.mapped) continue;
    patch += patch.empty() ? "{" : ",";
    json::write_text(patch, each.member->wire_name);
    patch.append(1, ':').append(each.json);
  }
  if (patch.empty()) return;
  const auto object = in.make();
  if (!read_body(row.body, *in.model, object.get()).empty() || !read_body(patch + "}", *in.model, object.get()).empty())
    return;  // a row that cannot be read
  row.body.clear();
  json::write(row.body, *in.model, object.get(), json::writing_stored);
}

sql_value member_value(const collection& in, const document& of, const member_model& member) {
  if (in.mapped) {
    const auto found = std::ranges::find(in.mapped->others, &member, &indexed_column::member);
    return found == in.mapped->others.end()
               ? sql_value()
               : of.columns.at(in.columns.size() + static_cast<std::size_t>(found - in.mapped->others.begin()));
  }
  if (!in.make) return {};
  const auto object = in.make();
  if (!read_body(of.body, *in.model, object.get()).empty()) return {};
  return column_value(member.type(), static_cast<const std::byte*>(object.get()) + member.offset);
}

std::optional<std::vector<sql_value>> columns_of_body(const collection& of, std::string id, std::string body) {
  const auto object = of.make();
  document row{.id = std::move(id), .body = std::move(body), .columns = {}};
  if (!read_body(row.body, *of.model, object.get()).empty()) return std::nullopt;
  fill_columns(row, of, object.get());
  return std::optional(std::move(row.columns));
}

}  // namespace mamey::inline v1
