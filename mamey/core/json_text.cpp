#include <mamey/core/detail/scalar_text.hpp>
#include <mamey/core/json.hpp>
#include <mamey/core/text.hpp>
#include <mamey/core/utf8.hpp>

namespace mamey::inline v1::json {
namespace {

using mamey::detail::text_result;

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool store_boolean(std::string_view text, void* object) {
  const bool is_true = equal_ignoring_case(text, "true");
  if (!is_true && !equal_ignoring_case(text, "false")) return false;
  *static_cast<bool*>(object) = is_true;
  return true;
}

bool store(std::string_view text, const type_model& model, void* object);

bool store_optional(std::string_view text, const type_model& model, void* object) {
  const auto& element = model.element();
  if (text.empty() && element.kind != shape::text) {
    model.clear(object);
    return true;
  }
  return store(text, element, model.emplace(object));
}

bool store(std::string_view text, const type_model& model, void* object) {
  switch (model.kind) {
    case shape::boolean:
      return store_boolean(trimmed(text), object);
    case shape::integer:
    case shape::unsigned_integer:
      return mamey::detail::store_integer_text(model, object, trimmed(text)) == text_result::stored;
    case shape::real:
      return mamey::detail::store_real_text(model, object, trimmed(text)) == text_result::stored;
    case shape::text:
      if (!is_utf8_text(text)) return false;
      *static_cast<std::string*>(object) = text;
      return true;
    case shape::enumeration:
      return mamey::detail::store_enumerator_text(model, object, trimmed(text)) == text_result::stored;
    case shape::scalar:
      return (!model.written_as_json || is_valid(text)) && model.from_text(object, trimmed(text));
    case shape::optional:
      return store_optional(text, model, object);
    case shape::list:
      return store(text, model.element(), model.append(object));
    case shape::object:
    case shape::dictionary:
      return false;
  }
  return false;
}

/// Of a list, one element is wanted.
const type_model& wanted(const type_model& model) {
  return model.kind == shape::list || model.kind == shape::optional ? wanted(model.element()) : model;
}

}  // namespace

bool read_text(std::string_view text, const type_model& model, void* object, std::string* expectation) {
  if (store(text, model, object)) return true;
  if (expectation) *expectation = wanted(model).kind == shape::text ? "UTF-8 without U+0000" : expected(wanted(model));
  return false;
}

}  // namespace mamey::inline v1::json
