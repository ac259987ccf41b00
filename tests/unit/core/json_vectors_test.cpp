// What .NET's JSON of the web's defaults makes of each value, and of each text, beside what is made of it here.

#include <charconv>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <mamey/core/decimal.hpp>
#include <mamey/core/json.hpp>
#include <mamey/core/time.hpp>
#include <mamey/core/uuid.hpp>

namespace {

namespace json = mamey::json;

struct write_case {
  std::string type, value;
  std::optional<std::string> json, note, error;
};
struct escape_case {
  std::uint32_t code = 0;
  std::string json;
};
struct read_case {
  std::string type, json;
  bool ok = false;
  std::optional<std::string> written_again, error, note;
};
struct vectors {
  std::vector<write_case> write;
  std::vector<escape_case> escape;
  std::vector<read_case> read;
};
struct difference {
  std::string file, case_name, there, here, reason;
  bool planned = false;
};

enum class colour { red = 0, dark_blue = 1, green = 7 };
enum class rights { none = 0, read = 1, write = 2 };
enum class huge_enum : std::int64_t { huge = 1LL << 40 };

struct holder {
  int a = 0;
};
struct pair {
  int a = 0;
  std::optional<std::string> t;
};

}  // namespace

template <>
struct mamey::wire_names<read_case> {
  static constexpr std::pair<std::string_view, std::string_view> names[] = {{"written_again", "written_again"}};
};
template <>
struct mamey::wire_names<difference> {
  static constexpr std::pair<std::string_view, std::string_view> names[] = {{"case_name", "case"}};
};
template <>
struct mamey::enum_limits<huge_enum> {
  static constexpr long long min = 1LL << 40, max = 1LL << 40;
};

namespace {

std::string text_of(const std::string& file) {
  std::ifstream from(std::string(MAMEY_VECTORS) + "/" + file);
  return {std::istreambuf_iterator<char>(from), {}};
}

template <class T>
T parsed(const std::string& file) {
  return json::parse<T>(text_of(file));
}

/// What is read from `text` and written again; nothing when it is refused.
using reading = std::function<std::optional<std::string>(const std::string& text)>;

template <class T>
std::optional<std::string> read_and_write(const std::string& text) {
  T value{};
  if (!json::read(text, mamey::model_of<T>(), &value).empty()) return std::nullopt;
  return json::to_string(value);
}

const std::map<std::string, reading, std::less<>>& types() {
  static const std::map<std::string, reading, std::less<>> made{
      {"int", &read_and_write<std::int32_t>},
      {"long", &read_and_write<std::int64_t>},
      {"ulong", &read_and_write<std::uint64_t>},
      {"byte", &read_and_write<std::uint8_t>},
      {"int?", &read_and_write<std::optional<std::int32_t>>},
      {"nullable", &read_and_write<std::optional<std::int32_t>>},
      {"decimal", &read_and_write<mamey::decimal>},
      {"double", &read_and_write<double>},
      {"float", &read_and_write<float>},
      {"bool", &read_and_write<bool>},
      {"bool?", &read_and_write<std::optional<bool>>},
      {"string", &read_and_write<std::string>},
      {"guid", &read_and_write<mamey::uuid>},
      {"guid?", &read_and_write<std::optional<mamey::uuid>>},
      {"datetime", &read_and_write<mamey::timestamp>},
      {"datetime?", &read_and_write<std::optional<mamey::timestamp>>},
      {"datetimeoffset", &read_and_write<mamey::offset_timestamp>},
      {"timespan", &read_and_write<mamey::ticks>},
      {"timespan?", &read_and_write<std::optional<mamey::ticks>>},
      {"dateonly", &read_and_write<std::chrono::sys_days>},
      {"enum", &read_and_write<colour>},
      {"enum?", &read_and_write<std::optional<colour>>},
      {"enum of long", &read_and_write<huge_enum>},
      {"flags", &read_and_write<rights>},
      {"class {A:int}", &read_and_write<holder>},
      {"class with constructor (a:int,t:string)", &read_and_write<pair>},
      {"dictionary", &read_and_write<std::map<std::string, int>>},
      {"dictionary<string,int>", &read_and_write<std::map<std::string, int>>},
      {"list<int>", &read_and_write<std::vector<int>>},
      {"int[]", &read_and_write<std::vector<int>>},
      {"bytes", &read_and_write<std::vector<std::uint8_t>>},
      {"object", &read_and_write<json::raw>},
      {"null", &read_and_write<json::raw>},
  };
  return made;
}

/// The value as a plain text becomes one of ours.
std::optional<std::string> written_number(const write_case& each) {
  double value = 0;
  std::from_chars(each.value.data(), each.value.data() + each.value.size(), value);
  try {
    return each.type == "float" ? json::to_string(static_cast<float>(value)) : json::to_string(value);
  } catch (const mamey::validation_error&) {
    return std::nullopt;
  }
}

/// Texts that say the same by the rules of JSON are equal: escapes, forms of a real, order of members in a dictionary.
std::string meaning_of(std::string_view type, const std::string& text) {
  if (type == "double" || type == "float") return json::to_string(json::parse<double>(text));
  if (type.starts_with("dictionary")) return json::to_string(json::parse<std::map<std::string, json::raw>>(text));
  return text.starts_with('"') ? json::parse<std::string>(text) : text;
}

/// A byte order mark in a table would be seen by nobody.
std::string visible(std::string text) {
  constexpr std::string_view mark = "\xef\xbb\xbf";
  if (text.starts_with(mark)) text.replace(0, mark.size(), "(byte order mark)");
  return text;
}

std::string shown(const std::optional<std::string>& what) { return what.value_or("refused"); }

/// `there` and `here` of every case that is not equal, by its name.
struct outcome {
  std::string there, here;
};
std::map<std::string, outcome> differing() {
  const auto all = parsed<vectors>("json-values.json");
  std::map<std::string, outcome> found;
  const auto compare = [&](const std::string& type, const std::string& value, const std::optional<std::string>& there,
                           const std::optional<std::string>& here) {
    const bool equal = there == here || (there && here && meaning_of(type, *there) == meaning_of(type, *here));
    if (!equal) found[value] = {shown(there), shown(here)};
  };
  for (const auto& each : all.write) {
    const auto name = "write " + each.type + " " + each.value;
    const auto type = types().find(each.type);
    if (each.type == "double" || each.type == "float")
      compare(each.type, name, each.json, written_number(each));
    else if (type == types().end())
      found[name] = {shown(each.json), "no such type"};
    else
      compare(each.type, name, each.json, each.json ? type->second(*each.json) : std::nullopt);
  }
  for (const auto& each : all.escape) {
    // Theirs is read here, and what is written here says the same.
    const auto theirs = "\"" + each.json + "\"";
    std::string text;
    EXPECT_TRUE(json::read(theirs, mamey::model_of<std::string>(), &text).empty()) << each.code;
    compare("string", "escape " + std::to_string(each.code), theirs, json::to_string(text));
  }
  for (const auto& each : all.read) {
    const auto name = "read " + each.type + " " + visible(each.json);
    if (each.type == "nesting") {
      const auto depth = static_cast<std::size_t>(std::stoi(each.json));
      const auto text = std::string(depth, '[') + std::string(depth, ']');
      EXPECT_EQ(json::is_valid(text), each.ok) << each.json;
      continue;
    }
    const auto type = types().find(each.type);
    if (type == types().end()) {
      found[name] = {each.ok ? shown(each.written_again) : "refused", "no such type"};
      continue;
    }
    auto there = each.ok ? each.written_again.value_or("read, and not written again") : std::optional<std::string>();
    if (there && there->starts_with("JsonElement ")) there = there->substr(12);
    if (there == "read, and not written again" && !type->second(each.json)) {
      found[name] = {*there, "refused"};
      continue;
    }
    compare(each.type, name, there, type->second(each.json));
  }
  return found;
}

TEST(json_vectors, values_are_written_and_read_as_dotnet_does_but_for_the_differences_listed) {
  std::map<std::string, difference> listed;
  for (auto& each : parsed<std::vector<difference>>("differences.json")) {
    if (each.file != "json-values.json") continue;
    EXPECT_FALSE(each.reason.empty()) << each.case_name;
    EXPECT_TRUE(listed.emplace(each.case_name, each).second) << each.case_name << " is listed twice";
  }
  const auto found = differing();
  for (const auto& [name, outcome] : found) {
    const auto known = listed.find(name);
    if (known == listed.end())
      ADD_FAILURE() << name << ": there " << outcome.there << ", here " << outcome.here << ", and not listed";
    else
      EXPECT_EQ(known->second.here, outcome.here) << name;
  }
  for (const auto& [name, known] : listed) EXPECT_TRUE(found.contains(name)) << name << " is listed and does not differ";
}

}  // namespace
