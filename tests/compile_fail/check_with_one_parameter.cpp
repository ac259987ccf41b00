// expect: mamey: check is static and takes the object and where to put what it finds
#include <mamey/core/rules.hpp>
struct Line {
  std::string sku;
  static bool check(const Line& line) { return !line.sku.empty(); }
};
const auto& model = mamey::model_of<Line>();
