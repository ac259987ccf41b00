#include <mamey/persistence/postgres/typed_rows.hpp>

#include <algorithm>

#include <mamey/core/json.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

const type_model& inner(const type_model& declared) { return declared.kind == shape::optional ? declared.element() : declared; }

void write_value(std::string& json, const type_model& wanted, const sql_value& value) {
  const bool is_json =
      wanted.kind == shape::object || wanted.kind == shape::list || wanted.kind == shape::dictionary || wanted.written_as_json;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    json += wanted.kind == shape::boolean ? (*integer != 0 ? "true" : "false") : std::to_string(*integer);
  } else if (const auto* real = std::get_if<double>(&value)) {
    json::write(json, model_of<double>(), real);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    if (is_json)
      json += *text;
    else
      json::write_text(json, *text);
  } else {
    json += "null";  // bytes have no JSON: they stay in the row
  }
}

}  // namespace

// By way of JSON, which knows all types already and names what does not fit.
void read_row(const sql_row& row, const type_model& model, void* value) {
  std::string json = "{";
  for (std::size_t column = 0; column < row.names.size(); ++column) {
    const auto member = std::ranges::find(model.members, std::string_view(row.names[column]), &member_model::name);
    if (member == model.members.end()) continue;
    if (json.size() > 1) json += ',';
    json::write_text(json, member->wire_name);
    json += ':';
    write_value(json, inner(member->type()), row.values[column]);
  }
  json += '}';
  if (auto violations = json::read(json, model, value); !violations.empty()) throw validation_error(std::move(violations));
}

}  // namespace mamey::inline v1::postgres_detail
