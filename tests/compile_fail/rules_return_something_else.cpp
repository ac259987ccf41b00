// expect: mamey: rules() returns the rules of members
#include <mamey/core/rules.hpp>
struct Line {
  std::string sku;
  static constexpr auto rules() { return "sku: 1 to 40"; }
};
const auto& model = mamey::model_of<Line>();
