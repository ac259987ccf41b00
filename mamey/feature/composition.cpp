#include <mamey/feature/composition.hpp>

namespace mamey::inline v1 {

composition::~composition() = default;

}  // namespace mamey::inline v1
