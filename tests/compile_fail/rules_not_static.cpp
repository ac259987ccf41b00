// expect: mamey: rules() is static, takes nothing and returns the rules
#include <mamey/core/rules.hpp>
struct Line {
  std::string sku;
  auto rules() const { return mamey::field<&Line::sku>.length(1, 40); }
};
const auto& model = mamey::model_of<Line>();
