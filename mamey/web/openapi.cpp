#include <mamey/web/openapi.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <mamey/core/text.hpp>
#include <mamey/web/binding.hpp>
#include <mamey/web/detail/json_parts.hpp>
#include <mamey/web/detail/schema_set.hpp>

namespace mamey::inline v1::web {
namespace {

using detail::json_array;
using detail::json_object;
using detail::quoted;

constexpr int deepest_nesting = 4;  // as binding looks
constexpr std::string_view error_schema =
    R"({"type":"object","required":["code","reason","message"],"properties":{"code":{"type":"string"},"reason":{"type":"string"},)"
    R"("message":{"type":"string"},"traceId":{"type":"string"},"errors":{"type":"array","items":{"type":"object","properties":)"
    R"({"path":{"type":"string"},"code":{"type":"string"},"message":{"type":"string"}}}}}})";

struct path_parameter {
  std::string name, constraint;
};

/// `/orders/{orderId:guid}/{page?}` ⇒ `/orders/{orderId}/{page}` and what stands in the braces.
struct path_template {
  std::string text;
  std::string shape;  ///< equal for paths that differ in names only: OpenAPI takes them for the same
  std::vector<path_parameter> parameters;
  bool last_is_optional = false;
};

path_template parse_pattern(std::string_view pattern) {
  path_template result;
  if (!pattern.starts_with('/')) result.text = "/";
  while (!pattern.empty()) {
    const auto open = std::min(pattern.find('{'), pattern.size());
    result.text += pattern.substr(0, open);
    pattern.remove_prefix(open);
    if (pattern.empty()) break;
    const auto close = std::min(pattern.find('}'), pattern.size());
    auto inside = pattern.substr(1, close - 1);
    pattern.remove_prefix(std::min(close + 1, pattern.size()));
    while (inside.starts_with('*')) inside.remove_prefix(1);
    result.last_is_optional = inside.ends_with('?');
    if (result.last_is_optional) inside.remove_suffix(1);
    const auto colon = std::min(inside.find(':'), inside.size());
    result.parameters.push_back({std::string(inside.substr(0, colon)), std::string(inside.substr(std::min(colon + 1, inside.size())))});
    result.text += "{" + result.parameters.back().name + "}";
  }
  for (bool in_braces = false; const char c : result.text) {
    in_braces = c == '{' || (in_braces && c != '}');
    if (!in_braces || c == '{') result.shape += c;
  }
  return result;
}

std::string schema_of_constraint(std::string_view constraint) {
  if (constraint == "guid") return R"({"type":"string","format":"uuid"})";
  if (constraint == "int") return R"({"type":"integer","format":"int32"})";
  if (constraint == "long") return R"({"type":"integer","format":"int64"})";
  if (constraint == "bool") return R"({"type":"boolean"})";
  if (constraint == "alpha") return R"({"type":"string","pattern":"^[A-Za-z]+$"})";
  return R"({"type":"string"})";
}

struct member_place {
  const type_model* owner;
  std::size_t index;
};

std::optional<member_place> find_member(const type_model& model, std::string_view name, int depth = 0) {
  for (std::size_t i = 0; i < model.members.size(); ++i) {
    if (equal_ignoring_case(model.members[i].wire_name, name)) return member_place{&model, i};
  }
  for (const auto& each : model.members) {
    if (depth == deepest_nesting || each.type().kind != shape::object) continue;
    if (const auto inner = find_member(each.type(), name, depth + 1)) return inner;
  }
  return std::nullopt;
}

/// A plain text can fill it.
bool is_plain(const type_model& given) {
  const auto& model = detail::without_optional(given);
  switch (model.kind) {
    case shape::object:
    case shape::list:
    case shape::dictionary:
    case shape::optional:
      return false;
    default:
      return true;
  }
}

/// `CreateOrder`, `create_order` ⇒ `Create order`.
std::string words_of(std::string_view name) {
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool begins = i > 0 && is_upper(name[i]) && !is_upper(name[i - 1]) && name[i - 1] != '_';
    const bool alone = is_upper(name[i]) && (i + 1 == name.size() || is_lower(name[i + 1]));  // not of `URL`
    if (begins) out += ' ';
    out += name[i] == '_' ? ' ' : begins && alone ? static_cast<char>(name[i] | 0x20) : name[i];
  }
  if (!out.empty() && is_lower(out.front())) out.front() = static_cast<char>(out.front() & ~0x20);
  return out;
}

std::string describe_status(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No content";
    default:
      return "Success";
  }
}

std::string one_of(const std::vector<std::string>& texts) {
  json_array values;
  for (const auto& each : texts) values.add(quoted(each));
  return json_object().add_text("type", "string").add("enum", values.text()).text();
}

class document {
 public:
  document() { schemas_.describe_as("Error", error_schema); }

  void add(const documented_endpoint& endpoint) {
    auto path = parse_pattern(endpoint.pattern);
    add(endpoint, path);
    if (!path.last_is_optional || path.parameters.empty()) return;
    path.text.erase(std::min(path.text.rfind("/{"), path.text.size()));
    path.shape.erase(std::min(path.shape.rfind("/{"), path.shape.size()));
    path.parameters.pop_back();
    if (path.text.empty()) path.text = path.shape = "/";
    add(endpoint, path);
  }

  std::string text(const documentation_options& options, std::string_view server) {
    json_object all_paths;
    for (const auto& each : order_) {
      json_object operations;
      for (const auto& [method, operation] : paths_.at(each).operations) operations.add(method, operation);
      all_paths.add(paths_.at(each).text, operations.text());
    }
    json_object components;
    components.add("schemas", schemas_.text());
    components.add(
        "responses",
        json_object()
            .add("Error", json_object()
                              .add_text("description", "What went wrong, for programs and for people")
                              .add("content", json_object()
                                                  .add("application/json",
                                                       json_object().add("schema", R"({"$ref":"#/components/schemas/Error"})").text())
                                                  .text())
                              .text())
            .text());
    json_object out;
    out.add_text("openapi", "3.1.0");
    out.add("info", json_object().add_text("title", options.title).add_text("version", options.version).text());
    out.add("servers", json_array().add(json_object().add_text("url", server).text()).text());
    out.add("paths", all_paths.text());
    if (options.include_security || any_needs_user_)
      components.add("securitySchemes", R"({"Bearer":{"type":"http","scheme":"bearer","bearerFormat":"JWT"}})");
    out.add("security", options.include_security ? bearer : "[]");
    return out.add("components", components.text()).text();
  }

 private:
  struct path_item {
    std::string text;
    std::vector<path_parameter> parameters;
    std::map<std::string, std::string> operations;  ///< by method
  };

  void add(const documented_endpoint& endpoint, const path_template& path) {
    const auto [found, is_new] = paths_.try_emplace(path.shape, path_item{path.text, path.parameters, {}});
    if (is_new) order_.push_back(path.shape);
    std::string method;
    for (const char c : http::name_of(endpoint.method)) method += static_cast<char>(c | 0x20);
    found->second.operations.try_emplace(method,
                                         describe(endpoint, path, found->second.parameters));  // the narrower pattern was declared first
  }

  std::string describe(const documented_endpoint& endpoint, const path_template& path, const std::vector<path_parameter>& shown) {
    json_object out;
    out.add_text("operationId", identity_of(endpoint));
    if (!endpoint.name.empty()) out.add_text("summary", words_of(endpoint.name));
    if (!endpoint.group.empty()) out.add("tags", json_array().add(quoted(endpoint.group)).text());
    std::vector<std::size_t> in_path;
    json_array parameters;
    for (std::size_t i = 0; i < path.parameters.size(); ++i) {
      const auto& each = path.parameters[i];
      const auto member = endpoint.input ? find_member(*endpoint.input, each.name) : std::nullopt;
      if (member && member->owner == endpoint.input) in_path.push_back(member->index);
      const auto schema = member ? schemas_.of_parameter(*member->owner, member->index) : schema_of_constraint(each.constraint);
      parameters.add(
          json_object().add_text("name", shown[i].name).add_text("in", "path").add("required", "true").add("schema", schema).text());
    }
    const bool takes_body = body_of(endpoint.method) == body_use::when_present;
    if (endpoint.input && !takes_body) {
      std::set<std::string> seen;
      for (const auto& each : path.parameters) seen.insert(camel_case(each.name));
      add_query(endpoint, *endpoint.input, parameters, seen, 0);
    }
    if (!parameters.empty()) out.add("parameters", parameters.text());
    if (endpoint.input && takes_body && in_path.size() < endpoint.input->members.size())
      out.add("requestBody", body_for(*endpoint.input, in_path));
    if (endpoint.needs_user) out.add("security", bearer);
    any_needs_user_ = any_needs_user_ || endpoint.needs_user;
    return out.add("responses", responses_of(endpoint)).text();
  }

  void add_query(const documented_endpoint& endpoint, const type_model& model, json_array& parameters, std::set<std::string>& seen,
                 int depth) {
    for (std::size_t i = 0; i < model.members.size(); ++i) {
      const auto& type = model.members[i].type();
      const bool fits = is_plain(type) || (type.kind == shape::list && is_plain(type.element()));
      if (!fits || !seen.emplace(model.members[i].wire_name).second) continue;
      json_object parameter;
      parameter.add_text("name", model.members[i].wire_name).add_text("in", "query");
      if (depth == 0 && detail::is_required(model, i)) parameter.add("required", "true");
      const bool sorts = type.kind == shape::text && !endpoint.order_by.empty();
      const auto& name = model.members[i].wire_name;
      parameters.add(parameter
                         .add("schema", sorts && name == "orderBy"     ? one_of(endpoint.order_by)
                                        : sorts && name == "sortOrder" ? one_of({"asc", "desc"})
                                                                       : schemas_.of_parameter(model, i))
                         .text());
    }
    for (const auto& each : model.members) {
      if (depth < deepest_nesting && each.type().kind == shape::object) add_query(endpoint, each.type(), parameters, seen, depth + 1);
    }
  }

  std::string body_for(const type_model& model, const std::vector<std::size_t>& in_path) {
    bool required = false;
    for (std::size_t i = 0; i < model.members.size(); ++i) {
      required = required || (detail::is_required(model, i) && std::ranges::find(in_path, i) == in_path.end());
    }
    const auto schema = in_path.empty() ? schemas_.of(model) : schemas_.of_rest(model, in_path);
    return json_object()
        .add("required", required ? "true" : "false")
        .add("content", json_object().add("application/json", json_object().add("schema", schema).text()).text())
        .text();
  }

  std::string responses_of(const documented_endpoint& endpoint) {
    json_object success;
    success.add_text("description", describe_status(endpoint.status));
    if (endpoint.has_location) {
      success.add("headers", R"({"Location":{"description":"Where it can be found","schema":{"type":"string"}}})");
    }
    if (endpoint.result && endpoint.status != 204) {
      const auto& inner = detail::without_optional(*endpoint.result);
      const auto* type = inner.kind == shape::text ? "text/plain" : "application/json";
      success.add("content", json_object().add(type, json_object().add("schema", schemas_.of(inner)).text()).text());
    }
    constexpr std::string_view error = R"({"$ref":"#/components/responses/Error"})";
    json_object out;
    out.add(std::to_string(endpoint.status), success.text());
    if (endpoint.input && !endpoint.input->members.empty()) out.add("400", error);
    if (endpoint.needs_user) out.add("401", error);
    if (endpoint.needs_role) out.add("403", error);
    if (endpoint.result && endpoint.result->kind == shape::optional) out.add("404", error);
    return out.add("default", error).text();
  }

  std::string identity_of(const documented_endpoint& endpoint) {
    std::string name(endpoint.name);
    for (int number = 2; !identities_.insert(name).second; ++number) name = std::string(endpoint.name) + std::to_string(number);
    return name;
  }

  static constexpr std::string_view bearer = R"([{"Bearer":[]}])";

  bool any_needs_user_ = false;
  detail::schema_set schemas_;
  std::map<std::string, path_item> paths_;  ///< by shape
  std::vector<std::string> order_;          ///< as declared
  std::set<std::string> identities_;
};

}  // namespace

std::string write_openapi(const documentation_options& options, std::span<const documented_endpoint> endpoints, std::string_view server) {
  document made;
  for (const auto& each : endpoints) made.add(each);
  return made.text(options, server);
}

}  // namespace mamey::inline v1::web
