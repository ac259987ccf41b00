/// Any bytes, through the reader that binds request bodies: nothing crashes, what is refused is explained once, and what is read is written
/// and read again as the same.

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include <mamey/core/decimal.hpp>
#include <mamey/core/time.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/core/validation.hpp>

namespace {

namespace json = mamey::json;

enum class colour { red, green };

struct node {
  std::string text;
  int number = 0;
  std::uint8_t byte = 0;
  double real = 0;
  bool flag = false;
  colour shade = colour::red;
  mamey::decimal amount;
  mamey::uuid id;
  mamey::timestamp at;
  std::chrono::microseconds wait{};
  std::optional<std::string> maybe;
  std::vector<node> nodes;
  std::map<std::string, std::vector<double>> table;
  json::raw raw;
  static constexpr auto rules() {
    return mamey::all(mamey::field<&node::text>.length(0, 100).pattern("[^x]*"), mamey::field<&node::amount>.at_least("0.5"),
                      mamey::field<&node::number>.required());
  }
};

void require(bool holds) {
  if (!holds) std::abort();
}

void check_struct(std::string_view text) {
  node first;
  const auto found = mamey::read_and_validate(text, mamey::model_of<node>(), &first);
  require(found.size() <= 64);
  for (const auto& violation : found) require(!violation.code.empty() && !violation.message.empty());

  const json::read_options shape_only{.max_violations = 1};
  node second;
  mamey::presence any;
  if (!json::read(text, mamey::model_of<node>(), &second, shape_only, &any).empty()) return;
  const auto written = json::to_string(second);
  node third;
  json::read(written, mamey::model_of<node>(), &third, shape_only, &any);
  require(json::to_string(third) == written);
}

void check_validity(std::string_view text) {
  const bool valid = json::is_valid(text);
  json::raw raw;
  const bool has_byte_order_mark = text.starts_with("\xef\xbb\xbf");
  if (!has_byte_order_mark) require(json::read(text, mamey::model_of<json::raw>(), &raw).empty() == valid);
  if (valid) require(json::is_valid(raw.text));

  // Whatever it is, as the value of a member nobody reads it is judged alike. One level deeper than the text alone.
  const auto wrapped = "[" + std::string(text) + "\n]";
  if (valid) require(json::is_valid(wrapped, 65));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_struct(text);
  check_validity(text);
  return 0;
}
