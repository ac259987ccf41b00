#include <mamey/core/detail/json_expected.hpp>

#include <algorithm>

#include <mamey/core/detail/numbers.hpp>
#include <mamey/core/detail/utf8.hpp>
#include <mamey/core/json.hpp>

namespace mamey::inline v1::json {
namespace {

/// What came, shortened to what a person reads.
std::string quote(std::string_view got) {
  constexpr std::size_t longest = 64;
  const auto shown = mamey::detail::cut_utf8(got, longest);
  return std::string(shown) + (shown.size() < got.size() ? "…" : "");
}

std::string expected_in_range(const type_model& model) {
  if (model.kind == shape::real) return "a number that a " + std::string(model.width == sizeof(float) ? "float" : "double") + " can hold";
  return "an integer from " + std::to_string(mamey::detail::lowest_of(model)) + " to " + std::to_string(mamey::detail::highest_of(model));
}

std::string with_article(std::string_view noun) {
  const bool is_vowel = !noun.empty() && std::string_view("aeio").find(noun.front()) != std::string_view::npos;  // "a uuid"
  return (is_vowel ? "an " : "a ") + std::string(noun);
}

std::string expected_enumerator(const type_model& model) {
  std::string names;
  for (const auto& enumerator : model.enumerators) {
    if (!names.empty()) names += ", ";
    names += enumerator.wire_name;
  }
  return "one of " + names;
}

std::string mismatch_code(const type_model& model) {
  switch (model.kind) {
    case shape::boolean:
      return "not_a_boolean";
    case shape::integer:
    case shape::unsigned_integer:
      return "not_an_integer";
    case shape::real:
      return "not_a_number";
    case shape::text:
      return "not_a_string";
    case shape::enumeration:
      return "unknown_value";
    case shape::object:
    case shape::dictionary:
      return "not_an_object";
    case shape::list:
      return "not_an_array";
    case shape::optional:
      return mismatch_code(model.element());
    case shape::scalar:
      break;
  }
  auto code = "not_" + with_article(model.format.empty() ? "value" : model.format);
  std::ranges::replace_if(code, [](char c) { return c == ' ' || c == '-'; }, '_');
  return code;
}

}  // namespace

std::string expected(const type_model& model) {
  switch (model.kind) {
    case shape::boolean:
      return "true or false";
    case shape::integer:
    case shape::unsigned_integer:
      return "an integer";
    case shape::real:
      return "a number";
    case shape::text:
      return "a string";
    case shape::enumeration:
      return expected_enumerator(model);
    case shape::object:
    case shape::dictionary:
      return "an object";
    case shape::list:
      return "an array";
    case shape::optional:
      return expected(model.element());
    case shape::scalar:
      break;
  }
  return model.expected.empty() ? with_article(model.format.empty() ? "value" : model.format) : std::string(model.expected);
}

violation mismatch(const type_model& model, std::string path, std::string_view got) {
  return {std::move(path), mismatch_code(model), "expected " + expected(model) + ", got " + quote(got)};
}

violation detail::out_of_range(const type_model& model, std::string path, std::string_view got) {
  return {std::move(path), "out_of_range", "expected " + expected_in_range(model) + ", got " + quote(got)};
}

}  // namespace mamey::inline v1::json
