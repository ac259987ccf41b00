#include <mamey/scheduling/cron.hpp>

#include <array>
#include <bit>
#include <charconv>
#include <span>
#include <vector>

#include <mamey/core/ascii.hpp>
#include <mamey/core/error.hpp>
#include <mamey/core/text.hpp>

namespace mamey::inline v1 {
namespace {

using namespace std::chrono;

constexpr std::size_t longest = 256;

constexpr std::array<std::string_view, 12> month_names{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> weekday_names{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct macro {
  std::string_view name, fields;
};
constexpr std::array macros{macro{"@yearly", "0 0 1 1 *"}, macro{"@annually", "0 0 1 1 *"}, macro{"@monthly", "0 0 1 * *"},
                            macro{"@weekly", "0 0 * * 0"}, macro{"@daily", "0 0 * * *"},    macro{"@midnight", "0 0 * * *"},
                            macro{"@hourly", "0 * * * *"}};

struct field_kind {
  std::string_view name;
  int lowest, highest;
  std::span<const std::string_view> names = {};
  int first_named = 0;  ///< number of the first name
};
constexpr std::array fields{field_kind{"minute", 0, 59}, field_kind{"hour", 0, 23}, field_kind{"day of the month", 1, 31},
                            field_kind{"month", 1, 12, month_names, 1}, field_kind{"day of the week", 0, 7, weekday_names, 0}};

/// What an expression says that is refused, in the words of its author.
class refusal {
 public:
  explicit refusal(std::string_view text) : text_(text.substr(0, longest)) {}
  [[noreturn]] void operator()(std::string_view pattern, std::initializer_list<text_argument> arguments) const {
    throw internal_error("invalid_schedule", "the cron expression \"{expression}\" is refused: {reason}", text_,
                         format_text(pattern, std::span(arguments.begin(), arguments.size())));
  }

 private:
  std::string_view text_;
};

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < text.size();) {
    while (at < text.size() && is_ascii_space(text[at])) ++at;
    const auto begin = at;
    while (at < text.size() && !is_ascii_space(text[at])) ++at;
    if (at > begin) words.push_back(text.substr(begin, at - begin));
  }
  return words;
}

class field_reader {
 public:
  field_reader(const field_kind& kind, std::string_view text, const refusal& refuse) : kind_(kind), text_(text), refuse_(refuse) {}

  std::uint64_t read() const {
    std::uint64_t bits = 0;
    for (std::size_t at = 0;;) {
      const auto comma = text_.find(',', at);
      bits |= part(text_.substr(at, comma == text_.npos ? comma : comma - at));
      if (comma == text_.npos) return bits;
      at = comma + 1;
    }
  }

 private:
  std::uint64_t part(std::string_view text) const {
    if (text.empty()) refuse_("{field} \"{text}\" has an empty part", {kind_.name, text_});
    const auto slash = text.find('/');
    const auto range = text.substr(0, slash);
    int low = kind_.lowest, high = kind_.highest;
    if (range != "*") {
      const auto dash = range.find('-', 1);
      low = number(range.substr(0, dash));
      high = low;
      if (dash != range.npos)
        high = number(range.substr(dash + 1));
      else if (slash != text.npos)
        refuse_("{field} \"{text}\" has a step after a single value; write {low}-{high}{step}",
                {kind_.name, text, low, kind_.highest, text.substr(slash)});
      if (kind_.highest == 7 && high == 0 && low > 0) high = 7;  // fri-sun
      if (low > high)
        refuse_("{field} \"{text}\" is a range that runs backwards; write it as two, separated by a comma", {kind_.name, text});
    } else if (kind_.highest == 7) {
      high = 6;
    }
    const int step = slash == text.npos ? 1 : step_of(text, text.substr(slash + 1));
    std::uint64_t bits = 0;
    for (int each = low; each <= high; each += step) bits |= std::uint64_t{1} << each;
    return bits;
  }

  int step_of(std::string_view part, std::string_view text) const {
    const auto step = digits(text);
    if (!step || *step < 1 || *step > kind_.highest)
      refuse_("{field} \"{part}\" has the step \"{step}\", expected a number from 1 to {highest}", {kind_.name, part, text, kind_.highest});
    return *step;
  }

  int number(std::string_view text) const {
    for (std::size_t i = 0; i < kind_.names.size(); ++i) {
      if (equal_ignoring_case(text, kind_.names[i])) return kind_.first_named + static_cast<int>(i);
    }
    const auto read = digits(text);
    if (!read) refuse_unknown(text);
    if (*read < kind_.lowest || *read > kind_.highest)
      refuse_("{field} is {number}, expected {lowest} to {highest}", {kind_.name, *read, kind_.lowest, kind_.highest});
    return *read;
  }

  [[noreturn]] void refuse_unknown(std::string_view text) const {
    if (text.find_first_of("#?lLwWhH") != text.npos && text.size() <= 3 && kind_.names.size() != month_names.size())
      refuse_(
          "{field} is \"{text}\"; L, W, H, ? and # of other schedulers are not supported: let the handler decide whether the day is the "
          "one",
          {kind_.name, text});
    refuse_(kind_.names.empty()
                ? "{field} is \"{text}\", expected a number from {lowest} to {highest}"
                : "{field} is \"{text}\", expected a number from {lowest} to {highest} or the first three letters of an English name",
            {kind_.name, text, kind_.lowest, kind_.highest});
  }

  static std::optional<int> digits(std::string_view text) {
    int value = 0;
    const auto* const end = text.data() + text.size();
    const auto [stopped, failed] = std::from_chars(text.data(), end, value);
    const bool is_number = failed == std::errc() && stopped == end && is_ascii_digit(text.front());
    return is_number ? std::optional(value) : std::nullopt;
  }

  const field_kind& kind_;
  std::string_view text_;
  const refusal& refuse_;
};

std::string_view without_macro(std::string_view text, const refusal& refuse) {
  if (!text.starts_with('@')) return text;
  for (const auto& each : macros) {
    if (equal_ignoring_case(text, each.name)) return each.fields;
  }
  refuse("expected @hourly, @daily, @weekly, @monthly, @yearly or five fields; an interval is declared with .every(…)", {});
}

constexpr std::uint64_t bit(unsigned number) { return std::uint64_t{1} << number; }

}  // namespace

cron_expression::cron_expression(std::string_view text) {
  const refusal refuse(text);
  if (text.size() > longest) refuse("it has {size} characters, expected at most {most}", {text.size(), longest});
  const auto words = words_of(text);
  const auto given = words.size() == 1 ? words_of(without_macro(words.front(), refuse)) : words;
  if (given.size() != fields.size()) {
    refuse("it has {count} fields, expected five: minute, hour, day of the month, month, day of the week{seconds}",
           {given.size(), given.size() == 6 ? "; there is no field for seconds or years" : ""});
  }
  const auto read = [&](std::size_t field) { return field_reader(fields[field], given[field], refuse).read(); };
  minutes_ = read(0);
  hours_ = static_cast<std::uint32_t>(read(1));
  days_ = static_cast<std::uint32_t>(read(2));
  months_ = static_cast<std::uint32_t>(read(3));
  weekdays_ = static_cast<std::uint32_t>(read(4));
  if ((weekdays_ & bit(7)) != 0) weekdays_ = (weekdays_ | 1) & 0x7F;
  either_day_ = !given[2].starts_with('*') && !given[4].starts_with('*');
  if (!next_after(local_minute(local_days(2000y / January / 1).time_since_epoch()))) refuse("no month that it names has such a day", {});
}

bool cron_expression::matches_day(local_days day) const {
  const bool by_date = (days_ & bit(static_cast<unsigned>(year_month_day(day).day()))) != 0;
  const bool by_weekday = (weekdays_ & bit(weekday(day).c_encoding())) != 0;
  return either_day_ ? by_date || by_weekday : by_date && by_weekday;
}

bool cron_expression::matches(local_minute time) const {
  const auto day = floor<std::chrono::days>(time);
  const auto minute = (time - day).count();
  return (months_ & bit(static_cast<unsigned>(year_month_day(day).month()))) != 0 && matches_day(day) &&
         (hours_ & bit(static_cast<unsigned>(minute / 60))) != 0 && (minutes_ & bit(static_cast<unsigned>(minute % 60))) != 0;
}

std::optional<local_minute> cron_expression::next_after(local_minute after) const {
  const auto from = after + minutes(1);
  const auto first_day = floor<std::chrono::days>(from);
  const auto end = first_day + std::chrono::days(366 * 100);
  auto not_before = static_cast<unsigned>((from - first_day).count());
  for (auto day = first_day; day < end; not_before = 0) {
    const year_month_day date(day);
    if ((months_ & bit(static_cast<unsigned>(date.month()))) == 0) {
      day = local_days(date.year() / date.month() / last) + std::chrono::days(1);
      continue;
    }
    if (matches_day(day)) {
      for (auto hour = not_before / 60; hour < 24; ++hour, not_before = 0) {
        if ((hours_ & bit(hour)) == 0) continue;
        const auto left = minutes_ >> (not_before % 60);
        if (left != 0)
          return local_minute(day.time_since_epoch()) +
                 minutes(hour * 60 + not_before % 60 + static_cast<unsigned>(std::countr_zero(left)));
      }
    }
    day += std::chrono::days(1);
  }
  return std::nullopt;
}

}  // namespace mamey::inline v1
