// expect: mamey: the rules of a type stand in `static constexpr auto rules()`
#include <mamey/core/rules.hpp>
struct Line {
  std::string sku;
  static constexpr auto rule() { return mamey::field<&Line::sku>.length(1, 40); }
};
const auto& model = mamey::model_of<Line>();
