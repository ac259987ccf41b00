#include <mamey/core/detail/scalar_text.hpp>

#include <charconv>
#include <cmath>

#include <mamey/core/detail/numbers.hpp>

namespace mamey::inline v1::detail {
namespace {

template <class Number>
text_result parse_all(std::string_view text, Number& value) noexcept {
  const auto end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc::result_out_of_range && stop == end) return text_result::out_of_range;
  return error == std::errc{} && stop == end ? text_result::stored : text_result::malformed;
}

template <class Real>
text_result store_real_as(void* object, std::string_view text) noexcept {
  Real value = 0;
  const auto result = parse_all(text, value);
  if (result != text_result::stored) return result;
  if (!std::isfinite(value)) return text_result::malformed;
  store_as(object, value);
  return text_result::stored;
}

text_result store_enumerator(const type_model& model, void* object, const enumerator_model* found) noexcept {
  if (!found && !model.fallback) return text_result::malformed;
  store_integer(model, object, found ? found->value : *model.fallback);
  return text_result::stored;
}

}  // namespace

text_result store_integer_text(const type_model& model, void* object, std::string_view text) noexcept {
  if (text.starts_with('-')) {
    std::int64_t value = 0;
    const auto result = parse_all(text, value);
    if (result != text_result::stored) return result;
    if (value < lowest_of(model)) return text_result::out_of_range;
    store_integer(model, object, value);
    return text_result::stored;
  }
  std::uint64_t value = 0;
  const auto result = parse_all(text, value);
  if (result != text_result::stored) return result;
  if (value > highest_of(model)) return text_result::out_of_range;
  store_integer(model, object, static_cast<std::int64_t>(value));
  return text_result::stored;
}

text_result store_real_text(const type_model& model, void* object, std::string_view text) noexcept {
  return model.width == sizeof(float) ? store_real_as<float>(object, text) : store_real_as<double>(object, text);
}

text_result store_enumerator_text(const type_model& model, void* object, std::string_view text) noexcept {
  std::int64_t value = 0;
  if (parse_all(text, value) == text_result::stored) return store_enumerator(model, object, find_enumerator(model, value));
  return store_enumerator(model, object, find_enumerator(model, text));
}

}  // namespace mamey::inline v1::detail
