#pragma once

/// @file
/// Loading and storing the numbers, bools and enums that a type_model describes.

#include <cstdint>
#include <cstring>
#include <limits>

#include <mamey/core/reflect.hpp>

namespace mamey::inline v1::detail {

template <class T>
T load_as(const void* object) noexcept {
  T value;
  std::memcpy(&value, object, sizeof(T));
  return value;
}

template <class T>
bool store_as(void* object, T value) noexcept {
  std::memcpy(object, &value, sizeof(T));
  return true;
}

/// The value of a boolean, integer or enumeration; an unsigned 64-bit one as its bits.
inline std::int64_t load_integer(const type_model& model, const void* object) noexcept {
  switch (model.width) {
    case 1:
      return model.is_signed ? load_as<std::int8_t>(object) : load_as<std::uint8_t>(object);
    case 2:
      return model.is_signed ? load_as<std::int16_t>(object) : load_as<std::uint16_t>(object);
    case 4:
      return model.is_signed ? std::int64_t{load_as<std::int32_t>(object)} : std::int64_t{load_as<std::uint32_t>(object)};
    default:
      return load_as<std::int64_t>(object);
  }
}

/// Stores without a check: the low bytes of `value`.
inline void store_integer(const type_model& model, void* object, std::int64_t value) noexcept {
  switch (model.width) {
    case 1:
      store_as(object, static_cast<std::int8_t>(value));
      return;
    case 2:
      store_as(object, static_cast<std::int16_t>(value));
      return;
    case 4:
      store_as(object, static_cast<std::int32_t>(value));
      return;
    default:
      store_as(object, value);
      return;
  }
}

/// The smallest and largest value of an integer shape.
inline std::int64_t lowest_of(const type_model& model) noexcept {
  return model.is_signed ? std::numeric_limits<std::int64_t>::min() >> (64 - 8 * model.width) : 0;
}
inline std::uint64_t highest_of(const type_model& model) noexcept {
  return std::numeric_limits<std::uint64_t>::max() >> (64 - 8 * model.width + (model.is_signed ? 1 : 0));
}

inline double load_real(const type_model& model, const void* object) noexcept {
  return model.width == sizeof(float) ? static_cast<double>(load_as<float>(object)) : load_as<double>(object);
}

}  // namespace mamey::inline v1::detail
