#pragma once

/// @file
/// For the framework: small fast random numbers for jitter, ids of traces and the choices of a simulation. Not for secrets.

#include <cstdint>

namespace mamey::inline v1 {

/// 64 random bits. On a loop they are the loop's; in a simulation that means that its seed decides them. Any thread.
std::uint64_t small_random();
/// In [0, 1). As above.
double random_share();

}  // namespace mamey::inline v1
