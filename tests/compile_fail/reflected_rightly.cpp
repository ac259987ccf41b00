#include <mamey/core/time.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/core/validation.hpp>
#include <map>
#include <optional>
enum class Status { placed, delivered };
struct Line {
  std::string sku;
  int quantity = 1;
  static constexpr auto rules() { return mamey::all(mamey::field<&Line::sku>.length(1, 40), mamey::field<&Line::quantity>.at_least(1)); }
};
struct Order {
  mamey::uuid id;
  std::vector<Line> lines;
  std::optional<std::string> note;
  Status status = Status::placed;
  mamey::decimal total;
  mamey::timestamp placed_at;
  std::map<std::string, bool> flags;
};
const auto text = mamey::json::to_string(Order{});
const auto found = mamey::validate(mamey::model_of<Order>(), nullptr);
