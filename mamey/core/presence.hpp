#pragma once

/// @file
/// For services.
/// Which members of a struct an input carried: absence is not the same as a default.

#include <cstddef>
#include <cstdint>

namespace mamey::inline v1 {

/// A set of member indexes (positions in `type_model::members`). Sources that fill one struct (route, query, header, body) share one.
class presence {
 public:
  constexpr presence() = default;
  /// For a value made by code rather than read: everything counts as present.
  static constexpr presence of_all() { return presence(~std::uint64_t{0}); }

  constexpr void add(std::size_t member) noexcept { bits_ |= std::uint64_t{1} << member; }
  constexpr void add(const presence& others) noexcept { bits_ |= others.bits_; }
  constexpr bool has(std::size_t member) const noexcept { return (bits_ >> member & 1) != 0; }

 private:
  constexpr explicit presence(std::uint64_t bits) : bits_(bits) {}
  std::uint64_t bits_ = 0;
};

}  // namespace mamey::inline v1
