#pragma once

/// @file
/// The generator behind random.hpp and the loops.

#include <cstdint>
#include <random>

namespace mamey::inline v1::detail {

/// splitmix64: equidistributed over its 2^64 states, one addition and three multiplications.
inline std::uint64_t next_random(std::uint64_t& state) noexcept {
  auto mixed = (state += 0x9e3779b97f4a7c15U);
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
  return mixed ^ (mixed >> 31);
}

inline std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace mamey::inline v1::detail
