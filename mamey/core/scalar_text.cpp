#include <mamey/core/detail/scalar_text.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

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

/// Whether a decimal number lies below 1, which tells one too small for its type from one too large.
bool is_below_one(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const auto mantissa = text.substr(0, text.find_first_of("eE"));
  std::int64_t exponent = 0;
  if (mantissa.size() < text.size()) {
    const auto digits = text.substr(mantissa.size() + (text[mantissa.size() + 1] == '+' ? 2 : 1));
    if (parse_all(digits, exponent) != text_result::stored) return digits.starts_with('-');
    exponent = std::clamp<std::int64_t>(exponent, -1'000'000'000, 1'000'000'000);
  }
  const auto point = std::min(mantissa.find('.'), mantissa.size());
  const auto first = mantissa.find_first_of("123456789");
  if (first == std::string_view::npos) return true;
  const auto of_first = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first) - (first < point ? 1 : 0);
  return of_first + exponent < 0;
}

template <class Real>
text_result store_real_as(void* object, std::string_view text) noexcept {
  Real value = 0;
  const auto result = parse_all(text, value);
  if (result == text_result::out_of_range && is_below_one(text))
    value = text.starts_with('-') ? -Real(0) : Real(0);
  else if (result != text_result::stored)
    return result;
  if (!std::isfinite(value)) return text_result::malformed;
  store_as(object, value);
  return text_result::stored;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto first = std::min(text.find_first_not_of(blanks), text.size());
  text.remove_prefix(first);
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

/// `red`, `read, write`
std::optional<std::int64_t> value_of_names(const type_model& model, std::string_view names) {
  std::int64_t value = 0;
  for (bool is_last = false; !is_last;) {
    const auto comma = names.find(',');
    is_last = comma == std::string_view::npos;
    const auto* const found = find_enumerator(model, trimmed(names.substr(0, comma)));
    if (found == nullptr) return std::nullopt;
    value |= found->value;
    if (!is_last) names.remove_prefix(comma + 1);
  }
  return value;
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
  text = trimmed(text);
  if (text.empty()) return text_result::malformed;
  const bool is_number = text[0] == '-' || text[0] == '+' || (text[0] >= '0' && text[0] <= '9');
  if (is_number) {
    if (text[0] == '+') text.remove_prefix(1);
    const auto result = store_integer_text(model, object, text);
    const bool is_named = result == text_result::stored && find_enumerator(model, load_integer(model, object)) != nullptr;
    if (is_named || result == text_result::malformed || !model.fallback) return result;
    store_integer(model, object, *model.fallback);
    return text_result::stored;
  }
  const auto value = value_of_names(model, text);
  if (!value && !model.fallback) return text_result::malformed;
  store_integer(model, object, value ? *value : *model.fallback);
  return text_result::stored;
}

}  // namespace mamey::inline v1::detail
