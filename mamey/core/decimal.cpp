#include <mamey/core/decimal.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace mamey::inline v1 {
namespace {

__extension__ typedef unsigned __int128 u128;

constexpr u128 largest = (u128{1} << 96) - 1;

/// 256 bits: the widest product is 192, the widest aligned sum 191.
struct wide {
  std::array<std::uint64_t, 4> limbs{};

  static wide of(u128 value) { return {{static_cast<std::uint64_t>(value), static_cast<std::uint64_t>(value >> 64), 0, 0}}; }

  static wide product(u128 left, u128 right) {
    wide result = of(left);
    wide high = of(left);
    result.multiply(static_cast<std::uint64_t>(right));
    high.multiply(static_cast<std::uint64_t>(right >> 64));
    result.add({{0, high.limbs[0], high.limbs[1], high.limbs[2]}});
    return result;
  }

  void multiply(std::uint64_t factor) {
    u128 carry = 0;
    for (auto& limb : limbs) {
      carry += u128{limb} * factor;
      limb = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
  }
  void add(const wide& other) {
    u128 carry = 0;
    for (std::size_t i = 0; i < limbs.size(); ++i) {
      carry += u128{limbs[i]} + other.limbs[i];
      limbs[i] = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
  }
  void subtract(const wide& smaller) {
    std::uint64_t borrow = 0;
    for (std::size_t i = 0; i < limbs.size(); ++i) {
      const u128 difference = u128{limbs[i]} - smaller.limbs[i] - borrow;
      limbs[i] = static_cast<std::uint64_t>(difference);
      borrow = static_cast<std::uint64_t>(difference >> 64) & 1;
    }
  }
  unsigned divide_by_ten() {
    std::uint64_t remainder = 0;
    for (std::size_t i = limbs.size(); i-- > 0;) {
      const u128 dividend = u128{remainder} << 64 | limbs[i];
      limbs[i] = static_cast<std::uint64_t>(dividend / 10);
      remainder = static_cast<std::uint64_t>(dividend % 10);
    }
    return static_cast<unsigned>(remainder);
  }
  u128 low() const { return u128{limbs[1]} << 64 | limbs[0]; }
  bool fits() const { return limbs[3] == 0 && limbs[2] == 0 && low() <= largest; }
  friend std::strong_ordering operator<=>(const wide& left, const wide& right) {
    for (std::size_t i = left.limbs.size(); i-- > 0;)
      if (left.limbs[i] != right.limbs[i]) return left.limbs[i] <=> right.limbs[i];
    return std::strong_ordering::equal;
  }
};

wide scaled(u128 mantissa, int places) {
  auto result = wide::of(mantissa);
  for (; places > 0; --places) result.multiply(10);
  return result;
}

/// Decimal digits cut off a number: the last of them, and whether any below it was not zero.
struct cut_digits {
  unsigned last = 0;
  bool more = false;

  void push(unsigned digit) {
    more = more || last != 0;
    last = digit;
  }
  bool rounds_up(bool is_odd, rounding mode) const {
    if (mode == rounding::towards_zero) return false;
    if (last != 5 || more) return last >= 5;
    return mode == rounding::half_away_from_zero || is_odd;
  }
};

struct unrounded {
  wide mantissa;
  int scale = 0;
  cut_digits cut;
};

/// Cuts places off until the number has at most `places` of them and fits; false when it is too large even as a whole number.
bool cut_to_fit(unrounded& number, int places) {
  while (number.scale > places || !number.mantissa.fits()) {
    if (number.scale <= 0) return false;
    number.cut.push(number.mantissa.divide_by_ten());
    --number.scale;
  }
  return true;
}

}  // namespace

struct decimal_parts {
  static u128 mantissa(const decimal& value) { return u128{value.high_} << 64 | value.low_; }

  static decimal make(u128 mantissa, int scale, bool negative) {
    decimal result;
    result.low_ = static_cast<std::uint64_t>(mantissa);
    result.high_ = static_cast<std::uint32_t>(mantissa >> 64);
    result.scale_ = static_cast<std::uint8_t>(scale);
    result.negative_ = negative && mantissa != 0;
    return result;
  }

  static std::optional<decimal> rounded(unrounded number, bool negative, int places = decimal::max_scale,
                                        rounding mode = rounding::half_even) {
    if (!cut_to_fit(number, places)) return std::nullopt;
    if (number.cut.rounds_up((number.mantissa.limbs[0] & 1) != 0, mode)) {
      number.mantissa.add(wide::of(1));
      number.cut = {};
      if (!cut_to_fit(number, places)) return std::nullopt;  // 2^96 ends in 6: what is cut now is rounded again below
      if (number.cut.rounds_up((number.mantissa.limbs[0] & 1) != 0, mode)) number.mantissa.add(wide::of(1));
    }
    return make(number.mantissa.low(), number.scale, negative);
  }

  static decimal fitting(const unrounded& number, bool negative) {
    const auto result = rounded(number, negative);
    if (!result) throw std::overflow_error("decimal: the result has more than 96 bits");
    return *result;
  }

  /// Both mantissas at the larger scale.
  static std::array<wide, 2> aligned(const decimal& left, const decimal& right) {
    return {scaled(mantissa(left), right.scale_ - left.scale_), scaled(mantissa(right), left.scale_ - right.scale_)};
  }

  static decimal sum(const decimal& left, const decimal& right, bool right_negative) {
    auto [first, second] = aligned(left, right);
    const int scale = std::max(left.scale_, right.scale_);
    if (left.negative_ == right_negative) {
      first.add(second);
      return fitting({.mantissa = first, .scale = scale}, left.negative_);
    }
    const bool right_larger = first < second;
    if (right_larger) std::swap(first, second);
    first.subtract(second);
    return fitting({.mantissa = first, .scale = scale}, right_larger ? right_negative : left.negative_);
  }
};

decimal operator+(const decimal& left, const decimal& right) { return decimal_parts::sum(left, right, right.negative_); }
decimal operator-(const decimal& left, const decimal& right) { return decimal_parts::sum(left, right, !right.negative_); }

decimal operator*(const decimal& left, const decimal& right) {
  const auto product = wide::product(decimal_parts::mantissa(left), decimal_parts::mantissa(right));
  return decimal_parts::fitting({.mantissa = product, .scale = left.scale_ + right.scale_}, left.negative_ != right.negative_);
}

decimal operator/(const decimal& left, const decimal& right) {
  if (right.is_zero()) throw std::domain_error("decimal: division by zero");
  const u128 divisor = decimal_parts::mantissa(right);
  u128 quotient = decimal_parts::mantissa(left) / divisor;
  u128 remainder = decimal_parts::mantissa(left) % divisor;
  int scale = left.scale_ - right.scale_;
  // Long division, a digit a round, until it comes out even or there is no room for a further digit.
  while (scale < 0 || (remainder != 0 && scale < decimal::max_scale && quotient <= (largest - 9) / 10)) {
    if (quotient > largest) throw std::overflow_error("decimal: the result has more than 96 bits");
    quotient = quotient * 10 + remainder * 10 / divisor;
    remainder = remainder * 10 % divisor;
    ++scale;
  }
  const u128 twice = remainder * 2;
  const bool rounds_up = twice > divisor || (twice == divisor && (quotient & 1) != 0);
  return decimal_parts::fitting({.mantissa = wide::of(quotient + (rounds_up ? 1 : 0)), .scale = scale}, left.negative_ != right.negative_);
}

std::weak_ordering operator<=>(const decimal& left, const decimal& right) noexcept {
  if (left.negative_ != right.negative_) return left.negative_ ? std::weak_ordering::less : std::weak_ordering::greater;
  const auto [first, second] = decimal_parts::aligned(left, right);
  return left.negative_ ? second <=> first : first <=> second;
}

namespace {

struct decimal_text {
  std::string_view whole;
  std::string_view fraction;
  int exponent = 0;
};

std::string_view take_digits(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9') ++count;
  const auto digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

/// `e-5`; false when it is there and malformed. One beyond any use is capped.
bool take_exponent(std::string_view& text, int& exponent) {
  if (text.empty() || (text[0] | 0x20) != 'e') return true;
  text.remove_prefix(1);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const auto digits = take_digits(text);
  constexpr int cap = 9999;
  for (const char c : digits) exponent = std::min(cap, exponent * 10 + (c - '0'));
  if (negative) exponent = -exponent;
  return !digits.empty();
}

/// Without a sign.
std::optional<decimal_text> split(std::string_view text) {
  decimal_text parts{.whole = take_digits(text), .fraction = {}};
  if (parts.whole.empty()) return std::nullopt;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    parts.fraction = take_digits(text);
    if (parts.fraction.empty()) return std::nullopt;
  }
  if (!take_exponent(text, parts.exponent) || !text.empty()) return std::nullopt;
  return parts;
}

constexpr int most_digits = 70;  // of 77 that `wide` holds; far more than can be kept

/// Appends a digit, or, when there is no room left, only remembers whether it was zero and answers false.
bool append_digit(unrounded& number, int& count, char digit) {
  if (count == most_digits) {
    number.cut.more = number.cut.more || digit != '0';
    return false;
  }
  number.mantissa.multiply(10);
  number.mantissa.add(wide::of(static_cast<unsigned>(digit - '0')));
  count += count > 0 || digit != '0';
  return true;
}

/// Nothing when far too large.
std::optional<unrounded> exact(const decimal_text& text) {
  unrounded number;
  int count = 0;
  int scale = -text.exponent;
  for (const char c : text.whole) scale -= append_digit(number, count, c) ? 0 : 1;
  for (const char c : text.fraction) scale += append_digit(number, count, c) ? 1 : 0;
  if (count == 0) return unrounded{.scale = std::clamp(scale, 0, decimal::max_scale)};
  if (scale > decimal::max_scale + most_digits) return unrounded{.scale = decimal::max_scale};
  if (count - scale > 30) return std::nullopt;
  for (; scale < 0; ++scale) number.mantissa.multiply(10);
  number.scale = scale;
  return number;
}

/// Nearly every number there is: at most 18 digits, no exponent.
std::optional<decimal> parse_short(std::string_view text, bool negative) noexcept {
  constexpr std::size_t most = 19;  // 18 digits and a point
  if (text.empty() || text.size() > most) return std::nullopt;
  std::uint64_t mantissa = 0;
  std::size_t point = text.size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.' && point == text.size() && i > 0 && i + 1 < text.size())
      point = i;
    else if (c >= '0' && c <= '9')
      mantissa = mantissa * 10 + static_cast<unsigned>(c - '0');
    else
      return std::nullopt;
  }
  if (point == text.size() && text.size() == most) return std::nullopt;
  const int scale = point == text.size() ? 0 : static_cast<int>(text.size() - point - 1);
  return decimal_parts::make(mantissa, scale, negative);
}

}  // namespace

std::optional<decimal> decimal::parse(std::string_view text) noexcept {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (const auto result = parse_short(text, negative)) return result;
  const auto parts = split(text);
  const auto number = parts ? exact(*parts) : std::nullopt;
  return number ? decimal_parts::rounded(*number, negative) : std::nullopt;
}

decimal::decimal(std::string_view text) {
  const auto parsed = parse(text);
  if (!parsed) throw std::invalid_argument("not a decimal: \"" + std::string(text) + "\"");
  *this = *parsed;
}

decimal decimal::of_parts(std::array<std::uint32_t, 3> mantissa, int scale, bool negative) {
  if (scale < 0 || scale > max_scale) throw std::invalid_argument("decimal: the scale is not between 0 and 28");
  return decimal_parts::make(u128{mantissa[2]} << 64 | u128{mantissa[1]} << 32 | mantissa[0], scale, negative);
}

decimal decimal::round(int places, rounding mode) const {
  if (places < 0 || places > max_scale) throw std::invalid_argument("decimal: can round to 0 to 28 places");
  return decimal_parts::rounded({.mantissa = wide::of(decimal_parts::mantissa(*this)), .scale = scale_}, negative_, places, mode).value();
}

decimal decimal::normalized() const noexcept {
  auto mantissa = decimal_parts::mantissa(*this);
  int scale = mantissa == 0 ? 0 : scale_;
  for (; scale > 0 && mantissa % 10 == 0; --scale) mantissa /= 10;
  return decimal_parts::make(mantissa, scale, negative_);
}

double decimal::to_double() const noexcept {
  std::string text;
  text_codec<decimal>::to_text(text, *this);
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string to_string(const decimal& value) {
  std::string text;
  text_codec<decimal>::to_text(text, value);
  return text;
}

void text_codec<decimal>::to_text(std::string& out, const decimal& value) {
  std::array<char, 32> digits;  // from behind; 29 at most and a point
  char* begin = digits.data() + digits.size();
  int written = 0;
  auto mantissa = decimal_parts::mantissa(value);
  const auto put = [&](unsigned digit) {
    *--begin = static_cast<char>('0' + digit);
    if (++written == value.scale()) *--begin = '.';
  };
  for (; mantissa > UINT64_MAX; mantissa /= 10) put(static_cast<unsigned>(mantissa % 10));
  for (auto rest = static_cast<std::uint64_t>(mantissa); rest > 0; rest /= 10) put(static_cast<unsigned>(rest % 10));
  while (written <= value.scale()) put(0);
  if (value.is_negative()) out += '-';
  out.append(begin, digits.data() + digits.size());
}

bool text_codec<decimal>::from_text(decimal& value, std::string_view text) {
  const auto parsed = decimal::parse(text);
  if (parsed) value = *parsed;
  return parsed.has_value();
}

}  // namespace mamey::inline v1

std::size_t std::hash<mamey::decimal>::operator()(const mamey::decimal& value) const noexcept {
  const auto mantissa = value.normalized().mantissa();
  const auto low = std::uint64_t{mantissa[1]} << 32 | mantissa[0];
  const auto rest =
      std::uint64_t{mantissa[2]} << 8 | static_cast<unsigned>(value.normalized().scale() << 1) | (value.is_negative() ? 1U : 0U);
  return (low ^ (rest * 0x9e3779b97f4a7c15U)) * 0xff51afd7ed558ccdU;
}
