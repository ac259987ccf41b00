#include <mamey/core/ascii.hpp>
#include <mamey/web/detail/schema_set.hpp>

#include <algorithm>
#include <limits>

#include <mamey/core/rules.hpp>
#include <mamey/web/detail/json_parts.hpp>

namespace mamey::inline v1::web::detail {

/// A schema in the making.
struct schema_set::schema {
  std::string type;  ///< empty: a reference, or anything
  std::map<std::string, std::string> facets;
  std::vector<std::string> allowed;
  bool nullable = false;

  std::string text() const {
    json_object out;
    if (!type.empty()) out.add("type", nullable ? "[" + quoted(type) + ",\"null\"]" : quoted(type));
    if (!allowed.empty()) {
      json_array values;
      for (const auto& each : allowed) values.add(quoted(each));
      if (nullable && !type.empty()) values.add("null");
      out.add("enum", values.text());
    }
    for (const auto& [name, value] : facets) out.add(name, value);
    if (!nullable || !type.empty() || out.empty()) return out.text();
    return json_object().add("anyOf", json_array().add(out.text()).add(R"({"type":"null"})").text()).text();
  }
};

namespace {

void describe_integer(const type_model& model, std::map<std::string, std::string>& facets) {
  if (model.width >= 4) facets["format"] = model.width == 8 ? "\"int64\"" : "\"int32\"";
  const bool small = model.width < 4 || (model.width == 4 && !model.is_signed);
  if (!model.is_signed) facets["minimum"] = "0";
  if (model.width == 4 && !model.is_signed) facets["format"] = "\"int64\"";
  if (!small) return;
  const auto bits = model.width * 8 - (model.is_signed ? 1 : 0);
  facets["maximum"] = std::to_string((1LL << bits) - 1);
  if (model.is_signed) facets["minimum"] = std::to_string(-(1LL << bits));
}

void describe_rules(const member_rules& rules, shape kind, std::map<std::string, std::string>& facets, std::vector<std::string>& allowed) {
  const auto* noun = kind == shape::text ? "Length" : kind == shape::list ? "Items" : "Properties";
  auto least = rules.min_length.value_or(0);
  if (rules.not_empty) least = std::max<std::size_t>(least, 1);
  if (least > 0) facets[std::string("min") + noun] = std::to_string(least);
  if (rules.max_length) facets[std::string("max") + noun] = std::to_string(*rules.max_length);
  const auto is_duration = [](const limit& bound) {
    return bound.text.find(':') != std::string::npos;
  };  // a text in JSON, which has no such bounds
  if (rules.minimum && !is_duration(*rules.minimum)) facets["minimum"] = rules.minimum->text;
  if (rules.maximum && !is_duration(*rules.maximum)) facets["maximum"] = rules.maximum->text;
  if (!rules.pattern.empty()) facets["pattern"] = quoted("^(?:" + rules.pattern + ")$");  // the whole text matches
  allowed = rules.allowed;
}

const member_rules* rules_of(const type_model& owner, std::size_t member) { return owner.rules ? owner.rules().find(member) : nullptr; }

}  // namespace

const type_model& without_optional(const type_model& model) {
  return model.kind == shape::optional ? without_optional(model.element()) : model;
}

bool is_required(const type_model& owner, std::size_t member) {
  const auto* rules = rules_of(owner, member);
  if (rules && rules->required) return true;
  // Rules are about what is absent as well: an empty text is too short. What the member is initialised with is not known here; who sends
  // it, is right anyway.
  const bool refuses_empty =
      rules && (rules->not_empty || rules->min_length.value_or(0) > 0 || !rules->pattern.empty() || !rules->allowed.empty());
  if (refuses_empty && owner.members[member].type().kind != shape::optional) return true;
  const bool refuses_nil = owner.members[member].type().is_nil != nullptr;
  return refuses_nil && !(rules && (rules->may_be_nil || rules->generated));
}

schema_set::schema schema_set::describe(const type_model& model) {
  schema result;
  switch (model.kind) {
    case shape::boolean:
      result.type = "boolean";
      break;
    case shape::integer:
    case shape::unsigned_integer:
      result.type = "integer";
      describe_integer(model, result.facets);
      break;
    case shape::real:
      result.type = "number";
      result.facets["format"] = model.width == 4 ? "\"float\"" : "\"double\"";
      break;
    case shape::text:
      result.type = "string";
      break;
    case shape::scalar:
      if (model.written_as_json) break;  // anything
      result.type = model.written_as_number ? "number" : "string";
      if (!model.format.empty() && model.format != "duration")
        result.facets["format"] = quoted(model.format);  // ours is no ISO 8601 duration
      break;
    case shape::list:
      result.type = "array";
      result.facets["items"] = of(model.element());
      break;
    case shape::dictionary:
      result.type = "object";
      result.facets["additionalProperties"] = of(model.element());
      break;
    case shape::optional:
      result = describe(model.element());
      result.nullable = true;
      break;
    case shape::object:
    case shape::enumeration:
      result.facets["$ref"] = quoted("#/components/schemas/" + refer_to(model));
      break;
  }
  return result;
}

std::string schema_set::of(const type_model& model) { return describe(model).text(); }

schema_set::schema schema_set::describe_member(const type_model& owner, std::size_t member) {
  const auto& type = owner.members[member].type();
  auto described = describe(type);
  if (const auto* rules = rules_of(owner, member)) describe_rules(*rules, without_optional(type).kind, described.facets, described.allowed);
  return described;
}

std::string schema_set::of_member(const type_model& owner, std::size_t member) { return describe_member(owner, member).text(); }

std::string schema_set::of_parameter(const type_model& owner, std::size_t member) {
  auto described = describe_member(owner, member);
  described.nullable = false;
  return described.text();
}

std::string schema_set::of_rest(const type_model& model, const std::vector<std::size_t>& without) {
  json_object properties;
  json_array required;
  for (std::size_t i = 0; i < model.members.size(); ++i) {
    if (std::ranges::find(without, i) != without.end()) continue;
    properties.add(model.members[i].wire_name, of_member(model, i));
    if (is_required(model, i)) required.add(quoted(model.members[i].wire_name));
  }
  json_object out;
  out.add_text("type", "object");
  if (!properties.empty()) out.add("properties", properties.text());
  if (!required.empty()) out.add("required", required.text());
  if (model.strict) out.add("additionalProperties", "false");
  return out.text();
}

std::string schema_set::name_of(const type_model& model) const {
  const auto cleaned = [](std::string_view text) {
    std::string out;
    for (const char c : text) {
      if (is_ascii_alphanumeric(c) || c == '_')
        out += c;
      else if (!out.empty() && out.back() != '.')
        out += '.';
    }
    while (out.ends_with('.')) out.pop_back();
    return out;
  };
  auto name = cleaned(unqualified(model.key->name));
  if (described_.contains(name)) name = cleaned(model.key->name);
  for (int number = 2; described_.contains(name); ++number) name = cleaned(model.key->name) + "." + std::to_string(number);
  return name;
}

std::string schema_set::refer_to(const type_model& model) {
  if (const auto known = names_.find(model.key); known != names_.end()) return known->second;
  const auto name = name_of(model);
  names_.emplace(model.key, name);
  described_.emplace(name, "");
  if (model.kind == shape::object) {
    described_[name] = of_rest(model, {});
  } else {
    schema named{.type = "string"};
    for (const auto& each : model.enumerators) named.allowed.emplace_back(each.wire_name);
    described_[name] = named.text();
  }
  return name;
}

std::string schema_set::text() const {
  json_object out;
  for (const auto& [name, description] : described_) out.add(name, description);
  return out.text();
}

}  // namespace mamey::inline v1::web::detail
