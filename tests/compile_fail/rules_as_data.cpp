// expect: mamey: rules() is static, takes nothing and returns the rules
#include <mamey/core/rules.hpp>
struct Line {
  std::string sku;
  static const int rules;
};
const auto& model = mamey::model_of<Line>();
