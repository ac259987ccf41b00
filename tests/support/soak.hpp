#pragma once

/// @file
/// Tests that get better the longer they run have two lengths: the usual one, and the one of `scripts/soak`, which sets MAMEY_SOAK.

#include <cstddef>
#include <cstdlib>

namespace mamey::testing {

/// How often to repeat: `usual`, or `soak` under scripts/soak. Under a sanitizer, which is slow, a tenth.
inline std::size_t rounds(std::size_t usual, std::size_t soak) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr std::size_t slower = 10;
#else
  constexpr std::size_t slower = 1;
#endif
  return (std::getenv("MAMEY_SOAK") != nullptr ? soak : usual) / slower;
}

}  // namespace mamey::testing
