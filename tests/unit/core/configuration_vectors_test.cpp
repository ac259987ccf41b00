/// What Microsoft.Extensions.Configuration makes of files, variables and arguments, and its binder of the texts, against what we do.
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <concepts>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <mamey/core/configuration.hpp>
#include <mamey/core/decimal.hpp>
#include <mamey/core/json.hpp>
#include <mamey/core/text.hpp>
#include <mamey/core/time.hpp>
#include <mamey/core/uuid.hpp>

#include "vectors.hpp"

namespace {

using namespace mamey;
using simdjson::dom::element;

enum class Color { Red, DeepBlue, GREEN = 5 };

struct Nested {
  std::string name = "default";
  int count = 7;
  std::optional<std::vector<std::string>> tags;
};
struct Sub {
  int n = 1;
};
template <class T>
struct holder {
  T value{};
};
struct Options {
  std::string text = "init";
  int number = 42;
  std::optional<int> maybe = 43;
  bool flag = true;
  ticks span = std::chrono::seconds(30);
  Color color = Color::DeepBlue;
  std::optional<Nested> nested;
  Nested made{.name = "made", .count = 7, .tags = {}};
  std::vector<std::string> array{"d1", "d2"}, list{"d1", "d2"}, sequence{"d1"};
  std::optional<std::vector<std::string>> null_sequence, null_array;
  std::map<std::string, std::string> map{{"d", "1"}};
  std::optional<std::map<std::string, Sub>> subs;
  std::optional<std::vector<Nested>> items;
  std::optional<std::string> uri;
};

// ── Values as the vectors show them: numbers, times and ids as texts ──

std::string json_text(std::string_view text) {
  std::string out;
  json::write_text(out, text);
  return out;
}

std::string shown(const std::string& value) { return json_text(value); }
std::string shown(bool value) { return value ? "true" : "false"; }
template <std::integral T>
  requires(!std::same_as<T, bool>)
std::string shown(T value) {
  return json_text(std::to_string(value));
}
std::string shown(ticks value) {
  auto text = format_duration(value);
  if (const auto point = text.rfind('.'); point != text.npos && point > text.rfind(':'))
    text.resize(point + 8, '0');  // .NET writes seven places or none
  return json_text(text);
}
std::string shown(Color value) {
  const auto number = std::to_string(static_cast<int>(value));
  const std::string name = value == Color::Red ? "Red" : value == Color::DeepBlue ? "DeepBlue" : value == Color::GREEN ? "GREEN" : number;
  return json_text(name + " (" + number + ")");
}
/// With seven places and the offset, as .NET writes it.
std::string shown(const offset_timestamp& value) {
  std::string text;
  text_codec<offset_timestamp>::to_text(text, value);
  if (text.ends_with('Z')) text.replace(text.size() - 1, 1, "+00:00");
  return json_text(text.substr(0, 19) + ".0000000" + text.substr(19));
}
std::string shown(const uuid& value) { return json_text(to_string(value)); }
std::string shown(const decimal& value) { return json_text(to_string(value)); }
template <class T>
std::string shown(const std::optional<T>& value);
template <class T>
std::string shown(const std::vector<T>& values);
template <class T>
std::string shown(const std::map<std::string, T>& values);
std::string shown(const Nested& value);
std::string shown(const Sub& value) { return "{\"N\":" + shown(value.n) + "}"; }

template <class T>
std::string shown(const std::optional<T>& value) {
  return value ? shown(*value) : "null";
}
template <class T>
std::string shown(const std::vector<T>& values) {
  std::string out;
  for (const auto& each : values) out += (out.empty() ? "" : ",") + shown(each);
  return "[" + out + "]";
}
template <class T>
std::string shown(const std::map<std::string, T>& values) {
  std::string out;
  for (const auto& [key, value] : values) out += (out.empty() ? "" : ",") + json_text(key) + ":" + shown(value);
  return "{" + out + "}";
}
std::string shown(const Nested& value) {
  return "{\"Name\":" + shown(value.name) + ",\"Count\":" + shown(value.count) + ",\"Tags\":" + shown(value.tags) + "}";
}
std::string shown(const Options& value) {
  return "{\"Text\":" + shown(value.text) + ",\"Number\":" + shown(value.number) + ",\"Maybe\":" + shown(value.maybe) +
         ",\"Flag\":" + shown(value.flag) + ",\"Span\":" + shown(value.span) + ",\"Color\":" + shown(value.color) +
         ",\"Nested\":" + shown(value.nested) + ",\"Made\":" + shown(value.made) + ",\"Array\":" + shown(value.array) +
         ",\"List\":" + shown(value.list) + ",\"Sequence\":" + shown(value.sequence) + ",\"NullSequence\":" + shown(value.null_sequence) +
         ",\"NullArray\":" + shown(value.null_array) + ",\"Map\":" + shown(value.map) + ",\"Subs\":" + shown(value.subs) +
         ",\"Items\":" + shown(value.items) + R"(,"Objects":null,"Anything":null,"ReadOnly":"ro","Uri":)" +
         (value.uri ? json_text("absolute " + *value.uri) : "null") + "}";
}

// ── Reading ──

/// A section that is not there, or empty, is null in .NET; of others, what binding makes of them.
template <class T>
std::string bound(const configuration& values, const std::string& key) {
  if (values.keys(key).empty() && (key.empty() || !values.find(key))) return "null";
  T value{};
  configuration_report report;
  values.bind(key, value, report);
  return report.errors.empty() ? shown(value) : "error";
}

/// What a member of that type makes of it.
template <class T>
std::string member(const configuration& values, const std::string& key) {
  holder<T> held;
  configuration own;
  if (const auto found = values.find(key))
    own.set("value", *found);
  else if (!values.keys(key).empty())
    own.set("value:x", "");
  else
    return "null";
  configuration_report report;
  own.bind("", held, report);
  return report.errors.empty() ? shown(held.value) : "error";
}

using reader = std::function<std::string(const configuration&, const std::string& key)>;

const std::map<std::string, reader, std::less<>>& readers() {
  static const std::map<std::string, reader, std::less<>> all{
      {"string", member<std::string>},
      {"int", member<std::int32_t>},
      {"int?", member<std::optional<std::int32_t>>},
      {"bool", member<bool>},
      {"bool?", member<std::optional<bool>>},
      {"long", member<std::int64_t>},
      {"short", member<std::int16_t>},
      {"byte", member<std::uint8_t>},
      {"sbyte", member<std::int8_t>},
      {"ushort", member<std::uint16_t>},
      {"uint", member<std::uint32_t>},
      {"ulong", member<std::uint64_t>},
      {"TimeSpan", member<ticks>},
      {"TimeSpan?", member<std::optional<ticks>>},
      {"DateTimeOffset", member<offset_timestamp>},
      {"Guid", member<uuid>},
      {"Guid?", member<std::optional<uuid>>},
      {"decimal", member<decimal>},
      {"decimal?", member<std::optional<decimal>>},
      {"enum", member<Color>},
      {"enum?", member<std::optional<Color>>},
      {"string[]", bound<std::vector<std::string>>},
      {"List<string>", bound<std::vector<std::string>>},
      {"IEnumerable<string>", bound<std::vector<std::string>>},
      {"int[]", bound<std::vector<std::int32_t>>},
      {"List<int>", bound<std::vector<std::int32_t>>},
      {"string[][]", bound<std::vector<std::vector<std::string>>>},
      {"Dictionary<string,string>", bound<std::map<std::string, std::string>>},
      {"Dictionary<string,int>", bound<std::map<std::string, std::int32_t>>},
      {"Dictionary<string,string[]>", bound<std::map<std::string, std::vector<std::string>>>},
      {"Nested", bound<Nested>},
      {"Options", bound<Options>},
  };
  return all;
}

template <class Real>
Real real_of(std::string_view text) {  // std::stod would follow the locale of the process
  Real number{};
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// Reals and times compare by value: the shortest text of a number is not the same everywhere.
template <class Real>
bool same_real(const configuration& values, std::string_view there) {
  holder<Real> held;
  configuration_report report;
  values.bind("", held, report);
  const Real value = held.value;
  if (!report.errors.empty()) return there == "error";
  if (there == "\"NaN\"") return value != value;
  const auto text = std::string(there.substr(1, there.size() - 2));
  const Real expected = text == "Infinity"    ? std::numeric_limits<Real>::infinity()
                        : text == "-Infinity" ? -std::numeric_limits<Real>::infinity()
                                              : real_of<Real>(text);
  return value == expected;
}

std::string time_here(const configuration& values) {
  holder<timestamp> held;
  configuration_report report;
  values.bind("", held, report);
  return report.errors.empty() ? format_timestamp(held.value) : "error";
}
/// `"2026-01-02T03:04:05.0000000+00:00 Local"` as `2026-01-02T03:04:05Z`: a time without a zone is UTC here.
std::string time_there(std::string_view text) {
  if (text == "error" || text.find('{') != text.npos) return std::string(text);
  text = text.substr(1, text.find_last_not_of('"'));
  const auto parsed = parse_timestamp(text.substr(0, text.find(' ')));
  return parsed ? format_timestamp(*parsed) : std::string(text);
}

// ── Cases ──

std::string lower(std::string text) {
  for (auto& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return text;
}

std::string decoded(std::string_view base64) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned buffer = 0;
  int bits = 0;
  for (const char c : base64) {
    if (digits.find(c) == digits.npos) break;
    buffer = buffer << 6 | static_cast<unsigned>(digits.find(c));
    if ((bits += 6) >= 8) bytes += static_cast<char>(buffer >> (bits -= 8) & 0xff);
  }
  return bytes;
}

void add_layer(configuration& values, element layer) {
  std::string_view text;
  simdjson::dom::object map;
  simdjson::dom::array list;
  if (layer["json"].get(text) == simdjson::SUCCESS) values.add_json(text);
  if (layer["jsonBase64"].get(text) == simdjson::SUCCESS) values.add_json(decoded(text));
  if (layer["variables"].get(map) == simdjson::SUCCESS) {
    std::vector<std::string> variables;
    for (const auto [name, value] : map) variables.push_back(std::string(name) + "=" + std::string(std::string_view(value)));
    std::string_view prefix;
    if (layer["prefix"].get(prefix) != simdjson::SUCCESS) prefix = {};
    values.add_variables(variables, prefix);
  }
  if (layer["arguments"].get(list) == simdjson::SUCCESS) {
    std::vector<std::string> arguments;
    for (const auto each : list) arguments.emplace_back(std::string_view(each));
    values.add_arguments(arguments);
  }
  if (layer["values"].get(map) == simdjson::SUCCESS) {
    for (const auto [key, value] : map) values.set(key, std::string_view(value));
  }
}

void dump(const configuration& values, const std::string& path, std::vector<std::string>& lines) {
  for (const auto& key : values.keys(path)) {
    const auto full = path.empty() ? key : path + ":" + key;
    const bool has_children = !full.empty() && !values.keys(full).empty();
    if (const auto value = values.find(full))
      lines.push_back(lower(full) + " = " + json_text(*value));
    else if (!has_children)
      lines.push_back(lower(full) + " = null");
    if (has_children) dump(values, full, lines);
  }
}

std::string joined(std::vector<std::string> lines, bool sorts) {
  if (sorts) std::ranges::sort(lines);
  std::string text;
  for (const auto& each : lines) text += each + "\n";
  return text;
}

/// With the members of objects in the order of their names, as dictionaries have none.
std::string canonical(element value) {
  std::string_view text;
  simdjson::dom::array list;
  simdjson::dom::object object;
  if (value.get(text) == simdjson::SUCCESS) return json_text(text);
  std::vector<std::string> parts;
  if (value.get(list) == simdjson::SUCCESS) {
    for (const auto each : list) parts.push_back(canonical(each));
    return "[" + joined(std::move(parts), false) + "]";
  }
  if (value.get(object) == simdjson::SUCCESS) {
    for (const auto [key, member_value] : object) parts.push_back(json_text(key) + ":" + canonical(member_value));
    return "{" + joined(std::move(parts), true) + "}";
  }
  return simdjson::minify(value);
}
std::string canonical(const std::string& json) {
  if (json == "error" || json == "no such type") return json;
  simdjson::dom::parser parser;
  return canonical(element(parser.parse(json)));
}

/// Keys compare without case, as everybody looks them up.
std::string there_of(element expected) {
  simdjson::dom::array list;
  if (expected["error"].error() == simdjson::SUCCESS) return "error";
  std::vector<std::string> lines;
  if (expected["keys"].get(list) == simdjson::SUCCESS) {
    for (const auto each : list) lines.push_back(lower(std::string(std::string_view(each.at(0)))) + " = " + canonical(each.at(1)));
  }
  auto text = joined(std::move(lines), true);
  if (expected["bind"].get(list) != simdjson::SUCCESS) return text;
  for (const auto each : list) {
    element value;
    text += std::string(std::string_view(each["type"])) + " " + std::string(std::string_view(each["key"])) + ": ";
    text += (each["value"].get(value) == simdjson::SUCCESS ? canonical(value) : "error") + "\n";
  }
  return text;
}

std::string here_of(element input, element expected) {
  configuration values;
  try {
    for (const auto each : input["layers"].get_array()) add_layer(values, each);
  } catch (const configuration_error&) {
    return "error";
  }
  std::vector<std::string> lines;
  simdjson::dom::array list;
  if (expected["keys"].error() == simdjson::SUCCESS) dump(values, "", lines);
  auto text = joined(std::move(lines), true);
  if (expected["bind"].get(list) != simdjson::SUCCESS) return text;
  for (const auto each : list) {
    const auto type = std::string_view(each["type"]);
    const auto key = std::string(std::string_view(each["key"]));
    const bool is_value = std::string_view(each["how"]) == "GetValue";  // our `find`, which knows no lists
    const auto found = readers().find(type);
    std::string value = found == readers().end() ? "no such type" : is_value && !values.find(key) ? "null" : found->second(values, key);
    if (std::string_view(each["how"]) == "Bind") value = shown(values.bind<Options>(key));
    text += std::string(type) + " " + key + ": " + canonical(value) + "\n";
  }
  return text;
}

class configuration_vectors : public ::testing::TestWithParam<const char*> {};

TEST_P(configuration_vectors, are_the_same_or_listed) {
  mamey::testing::vectors recorded("configuration", GetParam());
  for (const auto each : recorded.cases())
    recorded.compare(std::string_view(each["id"]), there_of(each["expected"]), here_of(each["input"], each["expected"]));
}

INSTANTIATE_TEST_SUITE_P(files, configuration_vectors,
                         ::testing::Values("json.json", "layers.json", "variables.json", "arguments.json", "binding.json"),
                         [](const auto& each) {
                           const std::string name = each.param;
                           return name.substr(0, name.find('.'));
                         });

TEST(configuration_conversions, are_the_same_or_listed) {
  mamey::testing::vectors recorded("configuration", "conversions.json");
  for (const auto each : recorded.cases()) {
    const auto type = std::string_view(each["type"]);
    const auto text = std::string_view(each["text"]);
    const auto name = std::string(type) + " " + json_text(text);
    element value;
    const auto there = each["expected"]["value"].get(value) == simdjson::SUCCESS ? canonical(value) : std::string("error");
    configuration values;
    values.set("value", text);
    if (type == "double")
      recorded.judge(name, same_real<double>(values, there), there, "another");
    else if (type == "float")
      recorded.judge(name, same_real<float>(values, there), there, "another");
    else if (type == "DateTime")
      recorded.compare(name, time_there(there), time_here(values));
    else if (const auto found = readers().find(type); found != readers().end())
      recorded.compare(name, there, canonical(found->second(values, "value")));
    else
      recorded.judge(name, false, there, "no such type");
  }
}

}  // namespace
