/// Any bytes as times and durations of every unit: nothing overflows, and what is read is written and read again as the same.

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <mamey/core/time.hpp>

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

template <class T>
void check(std::string_view text) {
  using codec = mamey::text_codec<T>;
  T value{};
  if (!codec::from_text(value, text)) return;
  require(codec::can_write(value));
  std::string written;
  codec::to_text(written, value);
  T again{};
  require(codec::from_text(again, written) && again == value);
}

template <class Duration>
void check_unit(std::string_view text, std::int64_t count) {
  using std::chrono::sys_time;
  check<Duration>(text);
  check<sys_time<Duration>>(text);
  // The other way: any count is written so that it is read again, or refused; and shown in any case.
  const Duration value(static_cast<typename Duration::rep>(count));
  std::string written;
  mamey::text_codec<Duration>::to_text(written, value);
  Duration again{};
  const bool may_be_finer = std::ratio_less_v<typename Duration::period, mamey::ticks::period>;
  if (mamey::text_codec<Duration>::can_write(value))
    require(mamey::text_codec<Duration>::from_text(again, written) && (may_be_finer || again == value));
  written.clear();
  const sys_time<Duration> time(value);
  mamey::text_codec<sys_time<Duration>>::to_text(written, time);
  sys_time<Duration> time_again;
  if (mamey::text_codec<sys_time<Duration>>::can_write(time))
    require(mamey::text_codec<sys_time<Duration>>::from_text(time_again, written) && (may_be_finer || time_again == time));
}

/// Texts of columns sort as the values do.
void check_order(std::int64_t a, std::int64_t b) {
  const auto column = []<class T>(const T& value) {
    std::string text;
    mamey::text_codec<T>::to_column(text, value);
    return text;
  };
  using mamey::ticks;
  require((column(ticks(a)) < column(ticks(b))) == (a < b));
  const mamey::timestamp left(ticks{a}), right(ticks{b});
  if (mamey::text_codec<mamey::timestamp>::can_write(left) && mamey::text_codec<mamey::timestamp>::can_write(right))
    require((column(left) < column(right)) == (a < b));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::uint64_t numbers[2] = {};
  for (std::size_t i = 0; i < size && i < 16; ++i) numbers[i / 8] = numbers[i / 8] << 8 | data[i];
  const auto count = static_cast<std::int64_t>(numbers[0]), other = static_cast<std::int64_t>(numbers[1]);
  check_unit<mamey::ticks>(text, count);
  check_unit<std::chrono::nanoseconds>(text, count);
  check_unit<std::chrono::microseconds>(text, count);
  check_unit<std::chrono::milliseconds>(text, count);
  check_unit<std::chrono::seconds>(text, count);
  check_unit<std::chrono::hours>(text, count);
  check_unit<std::chrono::duration<std::int16_t>>(text, count);
  check<std::chrono::sys_days>(text);
  check<mamey::offset_timestamp>(text);
  check_order(count, other);
  check_order(count % 1'000'000'000, other % 1'000'000'000);
  if (const auto at = mamey::from_unix_microseconds(count); mamey::unix_microseconds(at) != count)
    require(mamey::text_codec<mamey::timestamp>::can_write(at));
  return 0;
}
