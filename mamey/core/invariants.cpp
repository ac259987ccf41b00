#include <mamey/core/invariants.hpp>

#include <cstdio>
#include <cstdlib>

namespace mamey::inline v1::detail {

void require_invariants(std::string_view machine, std::string_view broken) noexcept {
  if (broken.empty()) return;
  std::fprintf(stderr, "%.*s: an invariant does not hold: %.*s\n", static_cast<int>(machine.size()), machine.data(),
               static_cast<int>(broken.size()), broken.data());
  std::abort();
}

}  // namespace mamey::inline v1::detail
