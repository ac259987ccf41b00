// expect: mamey: a type refuses unknown members with `static constexpr bool strict = true;`
#include <mamey/core/rules.hpp>
struct Line {
  std::string sku;
  static constexpr bool strict() { return true; }
};
const auto& model = mamey::model_of<Line>();
