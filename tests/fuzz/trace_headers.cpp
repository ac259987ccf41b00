/// Any bytes as the headers `baggage` and `traceparent`: nothing crashes, bounds hold, and what was read is written and read again as the same.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include <mamey/runtime/baggage.hpp>
#include <mamey/runtime/context.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  std::map<std::string, std::string> members, again;
  mamey::read_baggage(members, text);
  const auto written = mamey::to_baggage_text(members);
  if (members.size() > 64 || written.size() > std::min<std::size_t>(size, 8192)) std::abort();
  mamey::read_baggage(again, written);
  if (again != members) std::abort();

  if (const auto trace = mamey::trace_context::parse(text)) {
    if (!trace->valid() || !mamey::trace_context::parse(trace->to_traceparent())) std::abort();
  }
  return 0;
}
