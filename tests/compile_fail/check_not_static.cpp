// expect: mamey: check is static and takes the object and where to put what it finds
#include <mamey/core/rules.hpp>
struct Line {
  std::string sku;
  void check(mamey::violations& found) const { found.add("sku", "wrong", "is wrong"); }
};
const auto& model = mamey::model_of<Line>();
