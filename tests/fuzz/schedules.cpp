/// Any bytes as a cron expression: it is refused with a sentence, or its next times are later ones that match.

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <mamey/core/error.hpp>
#include <mamey/scheduling/cron.hpp>
#include <mamey/scheduling/schedule.hpp>

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const mamey::cron_expression tested(text);
    auto time = mamey::local_minute(std::chrono::local_days(std::chrono::year(2026) / 1 / 1).time_since_epoch());
    for (int i = 0; i < 10; ++i) {
      const auto next = tested.next_after(time);
      require(next && *next > time && tested.matches(*next));
      time = *next;
    }
    const auto zoned = mamey::schedule::cron(text, "Europe/Berlin");
    require(mamey::schedule::parse(zoned.text()).text() == zoned.text());
    std::chrono::sys_seconds instant{};
    for (int i = 0; i < 10; ++i) {
      const auto next = zoned.next_after(instant);
      require(next && *next > instant);
      instant = *next;
    }
  } catch (const mamey::error& refused) {
    require(refused.code() == "invalid_schedule" && !refused.reason().empty());
  }
  return 0;
}
