#pragma once

/// @file
/// One member of every kind that can be kept, and values of them at every edge: what is written of them is read again as it was, or refused when written.

#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <mamey/core/decimal.hpp>
#include <mamey/core/json.hpp>
#include <mamey/core/time.hpp>
#include <mamey/core/uuid.hpp>

namespace mamey::testing {

enum class every_colour : std::int16_t { red = 0, dark_blue = 1, green = 7 };

struct every_leaf {
  std::string name;
  std::vector<every_leaf> leaves;
  bool operator==(const every_leaf&) const = default;
};

struct every_value {
  std::string id;
  bool truth = false;
  std::int8_t tiny = 0;
  std::int16_t small = 0;
  std::int32_t number = 0;
  std::int64_t large = 0;
  std::uint8_t byte = 0;
  std::uint32_t count = 0;
  std::uint64_t huge = 0;
  float approximate = 0;
  double real = 0;
  every_colour colour = every_colour::red;
  std::string text;
  decimal amount;
  uuid key;
  timestamp at;
  std::chrono::sys_time<std::chrono::microseconds> at_microseconds;
  std::chrono::system_clock::time_point at_system;
  std::chrono::sys_seconds at_seconds;
  offset_timestamp local;
  std::chrono::sys_days day;
  ticks span{};
  std::chrono::nanoseconds fine{};
  std::chrono::milliseconds wait{};
  std::chrono::hours long_wait{};
  std::optional<std::int32_t> maybe_number;
  std::optional<std::string> maybe_text;
  std::optional<timestamp> maybe_at;
  std::vector<std::string> texts;
  std::vector<std::uint8_t> bytes;
  std::vector<every_colour> colours;
  std::map<std::string, double> reals;
  std::vector<every_leaf> leaves;
  json::raw anything;

  friend bool operator==(const every_value& a, const every_value& b) = default;
};

/// Whether both are the same value; an offset, by which times do not compare, and the white space of a json::raw included.
inline bool is_same(const every_value& a, const every_value& b) {
  return a == b && a.local.offset == b.local.offset && std::signbit(a.real) == std::signbit(b.real);
}

class every_edge {
 public:
  explicit every_edge(std::uint64_t seed) : random_(seed) {}

  /// One in `rare` members lies where it cannot be written.
  every_value next(int rare = 12) {
    rare_ = rare;
    every_value made;
    made.truth = flip();
    made.tiny = integer<std::int8_t>();
    made.small = integer<std::int16_t>();
    made.number = integer<std::int32_t>();
    made.large = integer<std::int64_t>();
    made.byte = integer<std::uint8_t>();
    made.count = integer<std::uint32_t>();
    made.huge = integer<std::uint64_t>();
    if (!goes_wrong()) made.huge >>= 1U;
    made.approximate = static_cast<float>(one_of({0.0, -1.5, 0.1, 3.4e38, -1.2e-38, 16777216.0}));
    made.real = goes_wrong() ? one_of({std::nan(""), std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()})
                             : one_of({0.0, 1.0, -1.5, 0.1, 1e17, 1e-7, 5e-324, 1.7976931348623157e308, 123456789.125});
    made.colour = static_cast<every_colour>(one_of({0, 1, 7, 3, -5, 32767}));
    made.text = text();
    made.amount = *decimal::parse(
        one_of<const char*>({"0", "20.50", "-1.10", "79228162514264337593543950335", "0.0000000000000000000000000001", "1"}));
    made.key = flip() ? uuid{} : uuid::v4();
    made.at = timestamp(ticks(time()));
    made.at_microseconds = std::chrono::floor<std::chrono::microseconds>(timestamp(ticks(time())));
    if (goes_wrong()) made.at_microseconds = decltype(made.at_microseconds)::max();
    made.at_system = one_of({std::chrono::system_clock::time_point(), std::chrono::system_clock::time_point::max(),
                             std::chrono::system_clock::time_point::min(),
                             std::chrono::system_clock::time_point(std::chrono::nanoseconds(1'234'567'890'123'456'700))});
    made.at_seconds = std::chrono::floor<std::chrono::seconds>(timestamp(ticks(time())));
    made.local = {timestamp(ticks(time())), std::chrono::minutes(one_of({0, 120, -330, 840, -840, 1}))};
    if (goes_wrong()) made.local.offset = std::chrono::minutes(841);
    made.day = std::chrono::floor<std::chrono::days>(timestamp(ticks(time())));
    made.span = ticks(integer<std::int64_t>());
    made.fine = std::chrono::nanoseconds(one_of<std::int64_t>(
        {0, 100, -100, 3'600'000'000'000, std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}));
    made.wait = std::chrono::milliseconds(
        one_of<std::int64_t>({0, 1, -1, 86'400'000, std::numeric_limits<std::int64_t>::max(), 922'337'203'685'477}));
    if (goes_wrong()) made.wait = std::chrono::milliseconds(922'337'203'685'478);
    made.long_wait = std::chrono::hours(one_of({0, 23, 24, 25, -1, 256'204'778}));
    if (flip()) made.maybe_number = integer<std::int32_t>();
    if (flip()) made.maybe_text = text();
    if (flip()) made.maybe_at = timestamp(ticks(time()));
    for (int i = one_of({0, 1, 3}); i > 0; --i) made.texts.push_back(text());
    for (int i = one_of({0, 1, 9}); i > 0; --i) made.bytes.push_back(integer<std::uint8_t>());
    for (int i = one_of({0, 1, 2}); i > 0; --i) made.colours.push_back(static_cast<every_colour>(one_of({0, 1, 7, 6})));
    for (int i = one_of({0, 1, 2}); i > 0; --i) made.reals[text()] = one_of({0.5, -2.0});
    grow(made.leaves, goes_wrong() ? 40 : one_of({0, 1, 3, 20}));
    made.anything = raw();
    return made;
  }

 private:
  bool flip() { return random_() % 2 == 0; }
  bool goes_wrong() { return rare_ > 0 && random_() % static_cast<unsigned>(rare_) == 0; }

  template <class T>
  T one_of(std::initializer_list<T> all) {
    return *(all.begin() + static_cast<std::ptrdiff_t>(random_() % all.size()));
  }
  template <class T>
  T integer() {
    using limits = std::numeric_limits<T>;
    return one_of<T>({0, 1, limits::min(), limits::max(), static_cast<T>(limits::max() - 1), static_cast<T>(random_())});
  }

  /// Ticks since 1970: the ends of the calendar, and around them.
  std::int64_t time() {
    constexpr std::int64_t first = -621'355'968'000'000'000, last = 2'534'023'007'999'999'99 * 10 + 9;
    if (goes_wrong())
      return one_of<std::int64_t>(
          {first - 1, last + 1, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()});
    const auto middle = std::uniform_int_distribution<std::int64_t>(first + 864'000'000'000, last - 864'000'000'000)(random_);
    return one_of<std::int64_t>({0, 1, -1, 2'500'000, 17'673'230'456'000'000, middle, middle / 10'000'000 * 10'000'000});
  }

  std::string text() {
    if (goes_wrong()) return one_of<std::string>({"a\xff", "\xed\xa0\x80", std::string("a\0b", 3), "\xc0\xaf"});
    return one_of<std::string>({"", "plain", "a\"b\\c\n\t\x01", "żółć 中 😀", "\xef\xbf\xbf", "null", "1", "0001-01-01T00:00:00Z",
                                " blanks ", std::string(300, 'x')});
  }

  void grow(std::vector<every_leaf>& into, int depth) {
    if (depth == 0) return;
    into.push_back({.name = text(), .leaves = {}});
    grow(into.back().leaves, depth - 1);
  }

  json::raw raw() {
    if (goes_wrong())
      return {one_of<std::string>({"", "nul", "{\"a\":}", "[1] 2", "\"\xff\"", std::string(70, '[') + std::string(70, ']')})};
    return {one_of<std::string>(
        {"null", "true", "\"x\"", "{\"a\":[1,2,{\"b\":null}]}", "[]", "1.50", std::string(40, '[') + std::string(40, ']')})};
  }

  std::mt19937_64 random_;
  int rare_ = 0;
};

}  // namespace mamey::testing
