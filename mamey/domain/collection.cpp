#include <mamey/domain/collection.hpp>

#include <cctype>
#include <cstring>
#include <stdexcept>

#include <mamey/core/json.hpp>

namespace mamey::inline v1 {
namespace {

std::int64_t load_integer(const type_model& model, const void* object) {
  const auto load = [&]<class T>(T value) {
    std::memcpy(&value, object, sizeof value);
    return static_cast<std::int64_t>(value);
  };
  switch (model.width) {
    case 1: return model.is_signed ? load(std::int8_t{}) : load(std::uint8_t{});
    case 2: return model.is_signed ? load(std::int16_t{}) : load(std::uint16_t{});
    case 4: return model.is_signed ? load(std::int32_t{}) : load(std::uint32_t{});
    default: return load(std::int64_t{});
  }
}

}  // namespace

std::string detail::default_collection_name(std::string_view type_name) {
  std::string name;
  for (const char c : type_name) {
    if (c == '<') break;  // a template's arguments are no part of the name
    const auto upper = std::isupper(static_cast<unsigned char>(c)) != 0;
    if (upper && !name.empty() && name.back() != '_') name += '_';
    name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
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
    case shape::boolean: return static_cast<std::int64_t>(*static_cast<const bool*>(object));
    case shape::integer:
    case shape::unsigned_integer: return load_integer(model, object);
    case shape::real: return model.width == 4 ? static_cast<double>(*static_cast<const float*>(object)) : *static_cast<const double*>(object);
    case shape::text: return *static_cast<const std::string*>(object);
    case shape::enumeration: {
      const auto value = load_integer(model, object);
      for (const auto& each : model.enumerators) {
        if (each.value == value) return std::string(each.wire_name);
      }
      return value;
    }
    case shape::scalar: {
      std::string text;
      model.to_text(text, object);
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
      json::write(text, model, object);
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

void fill_document(document& into, const collection& of, const void* object) {
  into.body.clear();
  into.columns.clear();
  if (of.mapped) {
    into.columns.reserve(of.columns.size() + of.mapped->others.size());
    for (const auto* each : {&of.columns, &of.mapped->others}) {
      for (const auto& column : *each) into.columns.push_back(mapped_value(column.member->type(), static_cast<const std::byte*>(object) + column.member->offset, *of.mapped));
    }
    return;
  }
  json::write(into.body, *of.model, object);
  into.columns.reserve(of.columns.size());
  for (const auto& column : of.columns) {
    into.columns.push_back(column_value(column.member->type(), static_cast<const std::byte*>(object) + column.member->offset));
  }
}

}  // namespace mamey::inline v1
