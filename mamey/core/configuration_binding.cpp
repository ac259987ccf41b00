#include <algorithm>
#include <charconv>

#include <mamey/core/configuration.hpp>
#include <mamey/core/detail/configuration_state.hpp>
#include <mamey/core/json.hpp>
#include <mamey/core/secrets.hpp>
#include <mamey/core/validation.hpp>

namespace mamey::inline v1 {

using detail::configuration_node;
using content = configuration_node::content;

namespace {

void* member_at(void* object, const member_model& member) noexcept { return static_cast<std::byte*>(object) + member.offset; }

std::string_view trimmed(std::string_view text) noexcept {
  const auto begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  const auto end = text.find_last_not_of(" \t\r\n");
  return end == text.npos ? std::string_view() : text.substr(begin, end - begin + 1);
}

/// Walks a section and the model of a struct side by side.
class binder {
 public:
  explicit binder(configuration_report& report) : report_(report) {}

  void bind(const configuration_node& node, const std::string& path, const type_model& model, void* object) {
    switch (model.kind) {
      case shape::object:
        return bind_object(node, path, model, object);
      case shape::list:
        return bind_list(node, path, model, object);
      case shape::dictionary:
        return bind_dictionary(node, path, model, object);
      case shape::optional:
        return bind_optional(node, path, model, object);
      default:
        return bind_value(node, path, model, object);
    }
  }

 private:
  void bind_object(const configuration_node& node, const std::string& path, const type_model& model, void* object) {
    if (!refuse_text(node, path, "an object with keys of its own")) return;
    const auto errors_before = report_.errors.size();
    presence present;
    for (const auto& child : node.children) {
      const auto index = member_named(model, child.key);
      if (index == model.members.size()) {
        warn_unknown(child, path, model);
        continue;
      }
      const auto& member = model.members[index];
      if (child.holds != content::null || !child.children.empty()) present.add(index);
      bind(child, path + ":" + std::string(member.wire_name), member.type(), member_at(object, member));
    }
    const bool is_read = report_.errors.size() == errors_before;
    check_rules(node, path, model, object, present, {.refuse_nil = false, .check_across = is_read});
  }

  static std::size_t member_named(const type_model& model, std::string_view key) {
    const auto named = [key](std::string_view member_model::* name) {
      return [key, name](const member_model& member) { return detail::same_key(member.*name, key); };
    };
    auto found = std::ranges::find_if(model.members, named(&member_model::wire_name));
    if (found == model.members.end()) found = std::ranges::find_if(model.members, named(&member_model::name));
    return static_cast<std::size_t>(found - model.members.begin());
  }

  void bind_list(const configuration_node& node, const std::string& path, const type_model& model, void* list) {
    if (!refuse_text(node, path, "a list")) return;
    std::vector<std::pair<std::size_t, const configuration_node*>> elements;
    for (const auto& child : node.children) {
      std::size_t index = 0;
      const auto [end, failure] = std::from_chars(child.key.data(), child.key.data() + child.key.size(), index);
      if (failure == std::errc() && end == child.key.data() + child.key.size())
        elements.emplace_back(index, &child);
      else
        report_.errors.push_back(
            {child.origin, path + ":" + child.key, "expected the index of a list element (0, 1, …) as last part of the key"});
    }
    if (elements.empty() && !node.is_list) return;
    std::ranges::sort(elements);
    model.clear(list);
    for (const auto& [index, child] : elements) {
      if (child->holds == content::null && child->children.empty()) continue;  // an overlay's way to strike an element
      bind(*child, path + ":" + child->key, model.element(), model.append(list));
    }
  }

  void bind_dictionary(const configuration_node& node, const std::string& path, const type_model& model, void* dictionary) {
    if (!refuse_text(node, path, "an object with keys of its own")) return;
    for (const auto& child : node.children) {
      if (child.holds == content::null && child.children.empty()) continue;
      bind(child, path + ":" + child.key, model.element(), model.insert(dictionary, child.key));
    }
  }

  void bind_optional(const configuration_node& node, const std::string& path, const type_model& model, void* optional) {
    const auto& element = model.element();
    const bool is_null = node.holds == content::null || (node.holds == content::text && node.value.empty() && element.kind != shape::text);
    if (is_null && node.children.empty()) return model.clear(optional);
    bind(node, path, element, model.emplace(optional));
  }

  void bind_value(const configuration_node& node, const std::string& path, const type_model& model, void* value) {
    if (!node.children.empty()) {
      report_.errors.push_back(
          {node.children.front().origin, path, "expected " + json::expected(model) + ", got " + (node.is_list ? "a list" : "an object")});
      return;
    }
    if (node.holds != content::text) return;  // null, {} or []: the initialiser stays
    std::string expected;
    if (!read(node.value, model, value, expected)) refuse(node, path, expected);
  }

  static bool read(std::string_view text, const type_model& model, void* value, std::string& expected) {
    if (model.kind == shape::text) return json::read_text(text, model, value, &expected);
    text = trimmed(text);
    if (model.kind == shape::boolean) {
      if (text == "1" || detail::same_key(text, "true")) return json::read_text("true", model, value, &expected);
      if (text == "0" || detail::same_key(text, "false")) return json::read_text("false", model, value, &expected);
      expected = "true or false";
      return false;
    }
    return json::read_text(text, model, value, &expected);
  }

  bool refuse_text(const configuration_node& node, const std::string& path, const std::string& expected) {
    const bool is_fine = node.holds != content::text || (node.value.empty() && node.children.empty());
    if (!is_fine) refuse(node, path, expected);
    return is_fine;
  }

  void refuse(const configuration_node& node, const std::string& path, const std::string& expected) {
    report_.errors.push_back({node.origin, path, "expected " + expected + ", got \"" + masked(path, node.value) + "\""});
  }

  void warn_unknown(const configuration_node& child, const std::string& path, const type_model& model) {
    std::vector<std::string_view> known;
    for (const auto& member : model.members) known.push_back(member.wire_name);
    const auto meant = detail::nearest(child.key, known);
    report_.warnings.push_back({child.origin, path + ":" + child.key,
                                "unknown key" + (meant.empty() ? std::string() : ": did you mean " + std::string(meant) + "?")});
  }

  /// Nested objects have been checked before; what was said of them, or of a value that could not be read, is not said again.
  void check_rules(const configuration_node& node, const std::string& path, const type_model& model, const void* object,
                   const presence& present, const validation_options& options) {
    if (!model.rules) return;
    for (const auto& violation : validate(model, object, present, options)) {
      const auto key = key_of(violation.path);
      auto full = key.empty() ? path : path + ":" + key;
      if (std::ranges::any_of(report_.errors, [&full](const configuration_problem& said) { return said.key == full; })) continue;
      report_.errors.push_back({nearest_origin(node, key), std::move(full), violation.message});
    }
  }

  /// Of the value, or of what it is missing from.
  static const std::string& nearest_origin(const configuration_node& node, std::string_view key) {
    const auto* at = &node;
    while (!key.empty()) {
      const auto* next = at->child(detail::first_part(key));
      if (!next) break;
      at = next;
    }
    return at->origin;
  }

  /// `hosts[0].port` as `hosts:0:port`.
  static std::string key_of(std::string_view path) {
    std::string key;
    for (const char c : path) {
      if (c == '.' || c == '[')
        key += ':';
      else if (c != ']')
        key += c;
    }
    return key;
  }

  configuration_report& report_;
};

}  // namespace

void configuration::bind(std::string_view section, const type_model& model, void* value, configuration_report& report) const {
  {
    const std::lock_guard lock(state_->mutex);
    state_->bound.emplace(section);
  }
  if (const auto* node = state_->root.find(section)) binder(report).bind(*node, std::string(section), model, value);
}

void configuration::bind_or_throw(std::string_view section, const type_model& model, void* value) const {
  configuration_report report;
  bind(section, model, value, report);
  {
    const std::lock_guard lock(state_->mutex);
    state_->warnings.insert(state_->warnings.end(), report.warnings.begin(), report.warnings.end());
  }
  report.throw_if_any();
}

}  // namespace mamey::inline v1
