#include <mamey/core/time.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>

namespace mamey::inline v1 {
namespace {

using std::chrono::days;
using std::chrono::hours;
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

constexpr std::size_t places = 7;  // of a second, that a tick has

/// Places of a second; those beyond a tick are dropped.
ticks fraction_of(std::string_view digits) {
  int value = 0;
  for (std::size_t i = 0; i < places; ++i) value = value * 10 + (i < digits.size() ? digits[i] - '0' : 0);
  return ticks(value);
}

constexpr timestamp calendar_begin = std::chrono::sys_days(std::chrono::year(1) / 1 / 1);
constexpr timestamp calendar_end = std::chrono::sys_days(std::chrono::year(10'000) / 1 / 1);
constexpr timestamp calendar_last = calendar_end - ticks(1);

bool is_of_the_calendar(timestamp value) { return value >= calendar_begin && value < calendar_end; }

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

bool take_time_of_day(scanner& text, ticks& time) {
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

constexpr minutes widest_offset = hours(14);

/// `Z`, `+02:00`, `-05`, or nothing, which means UTC.
bool take_offset(scanner& text, minutes& offset) {
  if (text.at_end() || text.take('Z') || text.take('z')) return true;
  const bool west = text.take('-');
  int hour = 0;
  int minute = 0;
  if ((!west && !text.take('+')) || !text.number(2, 14, hour)) return false;
  if (text.take(':') && !text.number(2, 59, minute)) return false;
  offset = hours(hour) + minutes(minute);
  if (offset > widest_offset) return false;
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
  const int year{date.year()};
  if (year < 1)
    out += '-';
  else if (year > 9999)
    out += '+';
  if (const auto shown = std::abs(year); shown > 9999)
    append_padded<5>(out, shown);
  else
    append_padded<4>(out, shown);
  out += '-';
  append_padded<2>(out, unsigned{date.month()});
  out += '-';
  append_padded<2>(out, unsigned{date.day()});
}

void append_time_of_day(std::string& out, ticks time) {
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

/// The size of a duration in ticks, without its sign: that of the most negative one has no other type.
std::optional<std::uint64_t> duration_of(std::int64_t day, std::int64_t hour, std::int64_t minute, std::int64_t second,
                                         std::string_view fraction) {
  if (day > 10675199 || hour > 23 || minute > 59 || second > 59) return std::nullopt;  // the longest TimeSpan
  const auto within_a_day = hours(hour) + minutes(minute) + seconds(second) + fraction_of(fraction);
  return static_cast<std::uint64_t>(day) * static_cast<std::uint64_t>(ticks(days(1)).count()) +
         static_cast<std::uint64_t>(within_a_day.count());
}

enum class hours_above_23 { are_days, are_refused };

/// d | h:m | h:m:s[.f] | d.h:m | d.h:m:s[.f] | d:h:m (when h:m:s is out of range) | d:h:m:s[.f]
std::optional<std::uint64_t> duration_of(const duration_parts& parts, hours_above_23 meaning) {
  const auto& [a, b, c, d] = parts.numbers;
  const bool begins_with_days = parts.separators[1] == '.';
  switch (parts.count) {
    case 1:
      return duration_of(a, 0, 0, 0, {});
    case 2:
      return begins_with_days ? std::nullopt : duration_of(0, a, b, 0, {});
    case 3:
      if (begins_with_days || (a > 23 && parts.fraction.empty() && meaning == hours_above_23::are_days))
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

std::optional<ticks> with_sign(std::uint64_t size, bool negative) {
  constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  if (size > most + (negative ? 1 : 0)) return std::nullopt;
  return ticks(static_cast<std::int64_t>(negative ? 0 - size : size));
}

std::optional<ticks> read_ticks(std::string_view text, hours_above_23 meaning) {
  scanner rest(text);
  const bool negative = rest.take('-');
  const auto parts = split_duration(rest);
  const auto size = parts ? duration_of(*parts, meaning) : std::nullopt;
  return size ? with_sign(*size, negative) : std::nullopt;
}

void append_fraction(std::string& out, ticks fraction) {
  out += '.';
  append_padded<places>(out, fraction.count());
}

enum class width { as_it_takes, fixed };

/// The local time.
void append_local(std::string& out, timestamp value, width places_shown) {
  // Not `value - day`: the first tick's day begins before it.
  const auto day = std::chrono::floor<days>(value);
  auto time = value.time_since_epoch() % days(1);
  if (time.count() < 0) time += days(1);
  append_date(out, day);
  out += 'T';
  append_time_of_day(out, time);
  const auto fraction = time % seconds(1);
  if (places_shown == width::fixed || fraction.count() != 0) append_fraction(out, fraction);
  while (places_shown == width::as_it_takes && fraction.count() != 0 && out.back() == '0') out.pop_back();
}

std::optional<offset_timestamp> read_timestamp(std::string_view text) {
  scanner rest(text);
  std::chrono::sys_days day;
  ticks time{0};
  minutes offset{0};
  if (!take_date(rest, day)) return std::nullopt;
  if (!rest.at_end()) {
    if (!rest.take('T') && !rest.take('t')) return std::nullopt;
    if (!take_time_of_day(rest, time) || !take_offset(rest, offset) || !rest.at_end()) return std::nullopt;
  }
  const auto instant = day + time - offset;
  return is_of_the_calendar(instant) ? std::optional(offset_timestamp{instant, offset}) : std::nullopt;
}

// Products of two 64-bit numbers.
__extension__ using wide = __int128;

std::optional<std::int64_t> narrowed(wide value, std::int64_t lowest, std::int64_t highest) {
  return value < lowest || value > highest ? std::nullopt : std::optional(static_cast<std::int64_t>(value));
}

/// As ticks. What a unit finer than a tick has beyond it is cut; of others (thirds of a second) nothing is.
std::optional<ticks> in_ticks(std::int64_t count, const detail::time_unit& unit) {
  const auto product = static_cast<wide>(count) * unit.ticks_numerator;
  const auto rest = product % unit.ticks_denominator;
  if (rest != 0 && unit.ticks_numerator > unit.ticks_denominator) return std::nullopt;
  const auto quotient = product / unit.ticks_denominator;  // towards zero: the tick before the shortest is beyond the unit
  const auto found = narrowed(quotient, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
  return found ? std::optional(ticks(*found)) : std::nullopt;
}

/// As counts of the unit, if it can hold the value exactly.
std::optional<std::int64_t> exactly(ticks value, const detail::time_unit& unit) {
  const auto product = static_cast<wide>(value.count()) * unit.ticks_denominator;
  if (product % unit.ticks_numerator != 0) return std::nullopt;
  return narrowed(product / unit.ticks_numerator, unit.lowest, unit.highest);
}

/// The first and the last value that a text can say.
struct range {
  ticks lowest, highest;
  ticks highest_cut;  ///< what a database may have made of it: times are cut to the microsecond there
};
constexpr range durations{ticks::min(), ticks::max(), ticks::max()};
constexpr range times{calendar_begin.time_since_epoch(), calendar_last.time_since_epoch(),
                      std::chrono::floor<std::chrono::microseconds>(calendar_last).time_since_epoch()};

std::optional<ticks> written(std::int64_t count, const detail::time_unit& unit, const range& within) {
  if (count == unit.highest && !exactly(within.highest, unit)) return within.highest;
  if (count == unit.lowest && !exactly(within.lowest, unit)) return within.lowest;
  const auto value = in_ticks(count, unit);
  return value && *value >= within.lowest && *value <= within.highest ? value : std::nullopt;
}

std::optional<std::int64_t> read(ticks value, const detail::time_unit& unit, const range& within) {
  if (const auto count = exactly(value, unit)) return count;
  if (value >= within.highest_cut) return unit.highest;
  if (value == within.lowest) return unit.lowest;
  return std::nullopt;
}

/// For logs, which write what nobody reads again.
ticks nearest(std::int64_t count, const detail::time_unit& unit) {
  return in_ticks(count, unit).value_or(count < 0 ? ticks::min() : ticks::max());
}

std::atomic<timestamp (*)() noexcept> current_clock{nullptr};

}  // namespace

void set_clock(timestamp (*clock)() noexcept) noexcept { current_clock.store(clock, std::memory_order_relaxed); }

timestamp now_utc() noexcept {
  if (const auto clock = current_clock.load(std::memory_order_relaxed)) return clock();
  return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

std::optional<timestamp> parse_timestamp(std::string_view text) noexcept {
  const auto read = read_timestamp(text);
  return read ? std::optional(read->instant) : std::nullopt;
}

std::string format_timestamp(timestamp value) {
  std::string text;
  append_local(text, value, width::as_it_takes);
  text += 'Z';
  return text;
}

std::optional<offset_timestamp> parse_offset_timestamp(std::string_view text) noexcept {
  return read_timestamp(text);  // the local time stood in the text, so it is of the calendar as well
}

std::string format_offset_timestamp(const offset_timestamp& value) {
  const auto offset = is_of_the_calendar(value.instant) ? std::clamp(value.offset, -widest_offset, widest_offset) : minutes(0);
  std::string text;
  append_local(text, value.instant + offset, width::as_it_takes);
  text += offset.count() < 0 ? '-' : '+';
  const auto size = std::abs(offset.count());
  append_padded<2>(text, size / 60);
  text += ':';
  append_padded<2>(text, size % 60);
  return text;
}

std::int64_t unix_microseconds(timestamp value) noexcept {
  return std::chrono::floor<std::chrono::microseconds>(value).time_since_epoch().count();
}

timestamp from_unix_microseconds(std::int64_t microseconds) noexcept {
  const auto first = unix_microseconds(calendar_begin), last = unix_microseconds(calendar_last);
  if (microseconds > last) return calendar_last;
  return timestamp(std::chrono::microseconds(std::max(microseconds, first)));
}

std::optional<std::chrono::sys_days> parse_date(std::string_view text) noexcept {
  scanner rest(text);
  std::chrono::sys_days day;
  if (!take_date(rest, day) || !rest.at_end()) return std::nullopt;
  return day;
}

std::optional<ticks> parse_duration(std::string_view text) noexcept { return read_ticks(trimmed(text), hours_above_23::are_days); }

std::string format_duration(ticks value) {
  std::string text;
  auto size = static_cast<std::uint64_t>(value.count());
  if (value.count() < 0) {
    text += '-';
    size = 0 - size;
  }
  const auto day = static_cast<std::uint64_t>(ticks(days(1)).count());
  if (size >= day) text += std::to_string(size / day) + '.';
  const ticks time(static_cast<std::int64_t>(size % day));
  append_time_of_day(text, time);
  if (const auto fraction = time % seconds(1); fraction.count() != 0) append_fraction(text, fraction);
  return text;
}

namespace detail {

std::optional<ticks> duration_ticks(std::int64_t count, const time_unit& unit) noexcept { return written(count, unit, durations); }

void append_duration(std::string& out, std::int64_t count, const time_unit& unit) {
  out += format_duration(duration_ticks(count, unit).value_or(nearest(count, unit)));
}

void append_duration_column(std::string& out, std::int64_t count, const time_unit& unit) {
  const auto value = duration_ticks(count, unit).value_or(nearest(count, unit));
  if (value.count() < 0) out += '-';
  const auto distance = value.count() < 0 ? static_cast<std::uint64_t>(value.count()) - static_cast<std::uint64_t>(ticks::min().count())
                                          : static_cast<std::uint64_t>(value.count());
  const ticks shown(static_cast<std::int64_t>(distance));
  append_padded<8>(out, shown / days(1));
  out += '.';
  append_time_of_day(out, shown % days(1));
  append_fraction(out, shown % seconds(1));
}

std::optional<std::int64_t> read_duration(std::string_view text, const time_unit& unit) noexcept {
  const auto parsed = read_ticks(text, hours_above_23::are_refused);
  return parsed ? read(*parsed, unit, durations) : std::nullopt;
}

std::optional<std::int64_t> read_duration_setting(std::string_view text, const time_unit& unit) noexcept {
  const auto parsed = parse_duration(text);
  return parsed ? read(*parsed, unit, durations) : std::nullopt;
}

std::optional<timestamp> time_ticks(std::int64_t count, const time_unit& unit) noexcept {
  const auto since_epoch = written(count, unit, times);
  return since_epoch ? std::optional(timestamp(*since_epoch)) : std::nullopt;
}

void append_time(std::string& out, std::int64_t count, const time_unit& unit) {
  out += format_timestamp(time_ticks(count, unit).value_or(timestamp(nearest(count, unit))));
}

void append_time_column(std::string& out, std::int64_t count, const time_unit& unit) {
  append_local(out, time_ticks(count, unit).value_or(timestamp(nearest(count, unit))), width::fixed);
  out += 'Z';
}

std::optional<std::int64_t> read_time(std::string_view text, const time_unit& unit) noexcept {
  const auto parsed = parse_timestamp(text);
  return parsed ? read(parsed->time_since_epoch(), unit, times) : std::nullopt;
}

bool is_of_the_calendar(std::chrono::sys_days day) noexcept {
  // In days: in ticks a day far away would overflow.
  return day >= std::chrono::floor<std::chrono::days>(calendar_begin) && day < std::chrono::floor<std::chrono::days>(calendar_end);
}

}  // namespace detail

void text_codec<offset_timestamp>::to_text(std::string& out, const offset_timestamp& value) { out += format_offset_timestamp(value); }

void text_codec<offset_timestamp>::to_column(std::string& out, const offset_timestamp& value) {
  append_local(out, value.instant, width::fixed);
  out += 'Z';
}

bool text_codec<offset_timestamp>::from_text(offset_timestamp& value, std::string_view text) {
  const auto parsed = parse_offset_timestamp(text);
  if (parsed) value = *parsed;
  return parsed.has_value();
}

bool text_codec<offset_timestamp>::can_write(const offset_timestamp& value) {
  return value.offset >= -widest_offset && value.offset <= widest_offset && is_of_the_calendar(value.instant) &&
         is_of_the_calendar(value.instant + value.offset);
}

void text_codec<std::chrono::sys_days>::to_text(std::string& out, const std::chrono::sys_days& value) {
  append_date(out, std::clamp(value, std::chrono::ceil<days>(timestamp::min()), std::chrono::floor<days>(timestamp::max())));
}

bool text_codec<std::chrono::sys_days>::from_text(std::chrono::sys_days& value, std::string_view text) {
  const auto parsed = parse_date(text);
  if (parsed) value = *parsed;
  return parsed.has_value();
}

}  // namespace mamey::inline v1
