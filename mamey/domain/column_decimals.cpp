#include <mamey/domain/column_decimals.hpp>

#include <algorithm>
#include <cstddef>

#include <mamey/core/ascii.hpp>
#include <mamey/core/decimal.hpp>
#include <mamey/domain/column_times.hpp>

namespace mamey::inline v1 {
namespace {

constexpr std::size_t whole_places = 29, places = 28;  // of the largest `decimal`, and of the finest
constexpr std::size_t width = whole_places + 1 + places;

/// 9 ⇒ a … 0 ⇒ j, and back: the larger the number, the smaller its letters.
char letter_of(char digit) { return digit == '.' ? '.' : static_cast<char>('a' + ('9' - digit)); }
char digit_of(char letter) { return letter == '.' ? '.' : static_cast<char>('9' - (letter - 'a')); }

bool is_digits(std::string_view text) { return std::ranges::all_of(text, &is_ascii_digit); }
bool is_letter(char c) { return c >= 'a' && c <= 'j'; }

}  // namespace

std::string sortable_decimal(std::string_view text) {
  auto digits = text;
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  const auto point = std::min(digits.find('.'), digits.size());
  auto whole = digits.substr(0, point), fraction = digits.substr(std::min(point + 1, digits.size()));
  if (whole.empty() || !is_digits(whole) || !is_digits(fraction)) return std::string(text);
  while (whole.starts_with('0')) whole.remove_prefix(1);
  while (fraction.ends_with('0')) fraction.remove_suffix(1);
  if (whole.size() > whole_places || fraction.size() > places) return std::string(text);
  std::string made(whole_places - whole.size(), '0');
  made.append(whole).append(1, '.').append(fraction).append(places - fraction.size(), '0');
  if (!negative || (whole.empty() && fraction.empty())) return made;
  std::ranges::transform(made, made.begin(), &letter_of);
  return '-' + made;
}

std::string shown_decimal(std::string_view text) {
  const bool negative = text.size() == width + 1 && text.starts_with('-');
  std::string digits(text.substr(negative ? 1 : 0));
  if (digits.size() != width || digits[whole_places] != '.') return std::string(text);
  if (negative) {
    const auto fits = [](char c) { return is_letter(c) || c == '.'; };
    if (!std::ranges::all_of(digits, fits)) return std::string(text);
    std::ranges::transform(digits, digits.begin(), &digit_of);
  }
  digits.erase(0, std::min(digits.find_first_not_of('0'), whole_places - 1));
  while (digits.ends_with('0')) digits.pop_back();
  if (digits.ends_with('.')) digits.pop_back();
  return negative ? '-' + digits : digits;
}

int compare_decimals(std::string_view left, std::string_view right) noexcept {
  const auto a = decimal::parse(shown_decimal(left)), b = decimal::parse(shown_decimal(right));
  if (a && b) return *a < *b ? -1 : *b < *a ? 1 : 0;
  if (a || b) return a ? -1 : 1;
  return left.compare(right);
}

bool is_decimal(const type_model& declared) {
  const auto& type = held_type(declared);
  return type.kind == shape::scalar && type.written_as_number;
}

std::string plain_decimals(const std::string& column) {
  return "length(" + column + ") <> case when " + column + " like '-%' then " + std::to_string(width + 1) + " else " +
         std::to_string(width) + " end";
}

}  // namespace mamey::inline v1
