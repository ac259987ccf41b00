#pragma once

/// @file
/// For services.
/// Decimal numbers for money: exact in base ten, with the range, the scale and the rounding of .NET's `decimal`.

#include <array>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <mamey/core/text_codec.hpp>

namespace mamey::inline v1 {

enum class rounding { half_even, half_away_from_zero, towards_zero };

/// A whole number of up to 96 bits divided by 10^scale, scale 0 to 28. The scale is kept: 20.50 stays 20.50, and equals 20.5.
/// Sums and products are exact while they fit; beyond 28 places or 96 bits the last place is rounded half to even. A result too large
/// throws std::overflow_error, a division by zero std::domain_error.
class decimal {
 public:
  static constexpr int max_scale = 28;

  constexpr decimal() = default;
  template <std::integral T>
    requires(!std::same_as<T, bool> && !std::same_as<T, char> && sizeof(T) <= 8)
  constexpr decimal(T value) noexcept : low_(magnitude(value)), negative_(value < 0) {}
  /// For literals: throws std::invalid_argument when malformed.
  explicit decimal(std::string_view text);

  /// Accepts `-12.50` and `1.5e3`; nothing when malformed or too large. Places beyond what fits are rounded half to even.
  static std::optional<decimal> parse(std::string_view text) noexcept;
  /// The value ±mantissa / 10^scale, low word first; throws std::invalid_argument for a scale above 28.
  static decimal of_parts(std::array<std::uint32_t, 3> mantissa, int scale, bool negative);

  constexpr int scale() const noexcept { return scale_; }
  constexpr bool is_zero() const noexcept { return low_ == 0 && high_ == 0; }
  constexpr bool is_negative() const noexcept { return negative_; }
  /// The digits as a number, low word first.
  constexpr std::array<std::uint32_t, 3> mantissa() const noexcept {
    return {static_cast<std::uint32_t>(low_), static_cast<std::uint32_t>(low_ >> 32), high_};
  }

  /// At most `places` (0 to 28) digits behind the point; fewer stay fewer.
  decimal round(int places, rounding mode = rounding::half_even) const;
  /// Without zeros at the end: 20.50 becomes 20.5.
  decimal normalized() const noexcept;
  /// The nearest double, for statistics; never for money.
  double to_double() const noexcept;

  friend decimal operator+(const decimal& left, const decimal& right);
  friend decimal operator-(const decimal& left, const decimal& right);
  friend decimal operator*(const decimal& left, const decimal& right);
  friend decimal operator/(const decimal& left, const decimal& right);
  constexpr decimal operator-() const noexcept {
    decimal result = *this;
    result.negative_ = !negative_ && !is_zero();
    return result;
  }
  decimal& operator+=(const decimal& other) { return *this = *this + other; }
  decimal& operator-=(const decimal& other) { return *this = *this - other; }
  decimal& operator*=(const decimal& other) { return *this = *this * other; }
  decimal& operator/=(const decimal& other) { return *this = *this / other; }

  /// By value: 20.50 equals 20.5.
  friend bool operator==(const decimal& left, const decimal& right) noexcept { return (left <=> right) == 0; }
  friend std::weak_ordering operator<=>(const decimal& left, const decimal& right) noexcept;

 private:
  friend struct decimal_parts;

  template <class T>
  static constexpr std::uint64_t magnitude(T value) noexcept {
    return value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  }

  std::uint64_t low_ = 0;
  std::uint32_t high_ = 0;
  std::uint8_t scale_ = 0;
  bool negative_ = false;  // never of zero
};

/// With all places of the scale: `20.50`.
std::string to_string(const decimal& value);

template <>
struct text_codec<decimal> {
  static void to_text(std::string& out, const decimal& value);
  static bool from_text(decimal& value, std::string_view text);
  static constexpr std::string_view format = "decimal";
  static constexpr std::string_view expected = "a decimal number";
  static constexpr bool written_as_number = true;
};

}  // namespace mamey::inline v1

template <>
struct std::hash<mamey::decimal> {
  std::size_t operator()(const mamey::decimal& value) const noexcept;
};
