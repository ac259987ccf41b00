#include <mamey/core/time.hpp>

#include <array>
#include <charconv>

namespace mamey::inline v1 {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes a text apart from the front; a function that does not find what it looks for takes nothing.
class scanner {
 public:
  explicit scanner(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  bool take(char expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// Exactly `count` digits, the number at most `highest`.
  bool number(std::size_t count, int highest, int& value) {
    if (rest_.size() < count) return false;
    int read = 0;
    for (const char c : rest_.substr(0, count)) {
      if (!is_digit(c)) return false;
      read = read * 10 + (c - '0');
    }
    if (read > highest) return false;
    value = read;
    rest_.remove_prefix(count);
    return true;
  }
  /// As many digits as there are, at most `most`.
  std::string_view digits(std::size_t most) {
    std::size_t count = 0;
    while (count < rest_.size() && is_digit(rest_[count])) ++count;
    if (count > most) return {};
    const auto found = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return found;
  }

 private:
  std::string_view rest_;
};

/// Places of a second; those beyond a microsecond are dropped.
microseconds fraction_of(std::string_view digits) {
  int value = 0;
  for (std::size_t i = 0; i < 6; ++i) value = value * 10 + (i < digits.size() ? digits[i] - '0' : 0);
  return microseconds(value);
}

bool take_date(scanner& text, std::chrono::sys_days& day) {
  int year = 0;
  int month = 0;
  int day_of_month = 0;
  if (!text.number(4, 9999, year) || !text.take('-') || !text.number(2, 12, month) || !text.take('-') || !text.number(2, 31, day_of_month))
    return false;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day_of_month))};
  if (!date.ok() || year == 0) return false;
  day = date;
  return true;
}

bool take_time_of_day(scanner& text, microseconds& time) {
  int hour = 0;
  int minute = 0;
  int second = 0;
  std::string_view fraction;
  if (!text.number(2, 23, hour) || !text.take(':') || !text.number(2, 59, minute)) return false;
  if (text.take(':')) {
    if (!text.number(2, 59, second)) return false;
    if (text.take('.') && (fraction = text.digits(16)).empty()) return false;
  }
  time = hours(hour) + minutes(minute) + seconds(second) + fraction_of(fraction);
  return true;
}

/// `Z`, `+02:00`, `-05`, or nothing, which means UTC.
bool take_offset(scanner& text, minutes& offset) {
  if (text.at_end() || text.take('Z') || text.take('z')) return true;
  const bool west = text.take('-');
  int hour = 0;
  int minute = 0;
  if ((!west && !text.take('+')) || !text.number(2, 14, hour)) return false;
  if (text.take(':') && !text.number(2, 59, minute)) return false;
  offset = hours(hour) + minutes(minute);
  if (west) offset = -offset;
  return true;
}

template <std::size_t Width>
void append_padded(std::string& out, std::int64_t value) {
  std::array<char, Width> digits;
  for (std::size_t i = Width; i-- > 0; value /= 10) digits[i] = static_cast<char>('0' + value % 10);
  out.append(digits.data(), Width);
}

void append_date(std::string& out, std::chrono::sys_days day) {
  const std::chrono::year_month_day date(day);
  append_padded<4>(out, int{date.year()});
  out += '-';
  append_padded<2>(out, unsigned{date.month()});
  out += '-';
  append_padded<2>(out, unsigned{date.day()});
}

void append_time_of_day(std::string& out, microseconds time) {
  append_padded<2>(out, time / hours(1));
  out += ':';
  append_padded<2>(out, time / minutes(1) % 60);
  out += ':';
  append_padded<2>(out, time / seconds(1) % 60);
}

/// What stands between the separators of a duration.
struct duration_parts {
  std::array<std::int64_t, 4> numbers{};
  std::array<char, 4> separators{};  // before each
  std::size_t count = 0;
  std::string_view fraction;
};

std::optional<duration_parts> split_duration(scanner& text) {
  duration_parts parts;
  char separator = '\0';
  while (parts.count < parts.numbers.size()) {
    const auto digits = text.digits(8);
    if (digits.empty()) return std::nullopt;
    std::from_chars(digits.data(), digits.data() + digits.size(), parts.numbers[parts.count]);
    parts.separators[parts.count++] = separator;
    const bool may_be_days = parts.count == 1;
    if (text.take(':'))
      separator = ':';
    else if (may_be_days && text.take('.'))
      separator = '.';
    else
      break;
  }
  if (parts.count >= 3 && text.take('.') && (parts.fraction = text.digits(7)).empty()) return std::nullopt;
  return text.at_end() ? std::optional(parts) : std::nullopt;
}

std::optional<microseconds> duration_of(std::int64_t day, std::int64_t hour, std::int64_t minute, std::int64_t second,
                                        std::string_view fraction) {
  if (day > 10675199 || hour > 23 || minute > 59 || second > 59) return std::nullopt;  // the longest TimeSpan
  return days(day) + hours(hour) + minutes(minute) + seconds(second) + fraction_of(fraction);
}

/// d | h:m | h:m:s[.f] | d.h:m | d.h:m:s[.f] | d:h:m (when h:m:s is out of range) | d:h:m:s[.f]
std::optional<microseconds> duration_of(const duration_parts& parts) {
  const auto& [a, b, c, d] = parts.numbers;
  const bool begins_with_days = parts.separators[1] == '.';
  switch (parts.count) {
    case 1:
      return duration_of(a, 0, 0, 0, {});
    case 2:
      return begins_with_days ? std::nullopt : duration_of(0, a, b, 0, {});
    case 3:
      if (begins_with_days || (a > 23 && parts.fraction.empty()))
        return parts.fraction.empty() ? duration_of(a, b, c, 0, {}) : std::nullopt;
      return duration_of(0, a, b, c, parts.fraction);
    default:
      return duration_of(a, b, c, d, parts.fraction);
  }
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

timestamp now_utc() { return std::chrono::time_point_cast<microseconds>(std::chrono::system_clock::now()); }

std::optional<timestamp> parse_timestamp(std::string_view text) noexcept {
  scanner rest(text);
  std::chrono::sys_days day;
  microseconds time{0};
  minutes offset{0};
  if (!take_date(rest, day)) return std::nullopt;
  if (rest.at_end()) return day;
  if (!rest.take('T') && !rest.take('t')) return std::nullopt;
  if (!take_time_of_day(rest, time) || !take_offset(rest, offset) || !rest.at_end()) return std::nullopt;
  return day + time - offset;
}

std::string format_timestamp(timestamp value) {
  const auto day = std::chrono::floor<days>(value);
  const microseconds time = value - day;
  std::string text;
  append_date(text, day);
  text += 'T';
  append_time_of_day(text, time);
  if (const auto fraction = time % seconds(1); fraction.count() != 0) {
    text += '.';
    append_padded<6>(text, fraction.count());
    while (text.back() == '0') text.pop_back();
  }
  text += 'Z';
  return text;
}

std::optional<std::chrono::sys_days> parse_date(std::string_view text) noexcept {
  scanner rest(text);
  std::chrono::sys_days day;
  if (!take_date(rest, day) || !rest.at_end()) return std::nullopt;
  return day;
}

std::optional<microseconds> parse_duration(std::string_view text) noexcept {
  scanner rest(trimmed(text));
  const bool negative = rest.take('-');
  const auto parts = split_duration(rest);
  const auto value = parts ? duration_of(*parts) : std::nullopt;
  return value && negative ? -*value : value;
}

std::string format_duration(microseconds value) {
  std::string text;
  if (value.count() < 0) {
    text += '-';
    value = -value;
  }
  const auto whole_days = value / days(1);
  if (whole_days > 0) text += std::to_string(whole_days) + '.';
  append_time_of_day(text, value % days(1));
  if (const auto fraction = value % seconds(1); fraction.count() != 0) {
    text += '.';
    append_padded<6>(text, fraction.count());
    text += '0';
  }
  return text;
}

void text_codec<std::chrono::sys_days>::to_text(std::string& out, const std::chrono::sys_days& value) { append_date(out, value); }

bool text_codec<std::chrono::sys_days>::from_text(std::chrono::sys_days& value, std::string_view text) {
  const auto parsed = parse_date(text);
  if (parsed) value = *parsed;
  return parsed.has_value();
}

}  // namespace mamey::inline v1
