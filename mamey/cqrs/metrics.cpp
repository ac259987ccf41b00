#include <mamey/cqrs/metrics.hpp>

#include <chrono>

namespace mamey::inline v1 {

void handler_metrics::count(metrics::counter* outcome, steady_time started) const {
  outcome->increment();
  seconds->observe(std::chrono::duration<double>(steady_now() - started).count());
}

pipeline_metrics::pipeline_metrics(metrics::registry& in)
    : handled_(in.counters("mamey_handled_total", "Messages handled, by handler and outcome: ok, refused (the message was wrong), failed.",
                           {"handler", "outcome"})),
      left_out_(in.counters("mamey_unreadable_rows_total", "Rows that lists left out because they cannot be read, each time they are met.",
                            {"collection"})),
      waits_(in.counters("mamey_waits_in_transaction_total",
                         "Waits for something else (a call, a sleep, a lock) while the transaction of a handler was open.", {"handler"})),
      seconds_(in.histograms("mamey_handling_seconds", "Time from dispatch to commit, by handler.", {"handler"})) {}

handler_metrics pipeline_metrics::of(std::string_view handler) {
  return {.handled = &handled_.with({handler, "ok"}),
          .refused = &handled_.with({handler, "refused"}),
          .failed = &handled_.with({handler, "failed"}),
          .seconds = &seconds_.with({handler}),
          .waits = &waits_.with({handler})};
}

void pipeline_metrics::count_left_out(std::string_view collection, std::uint64_t rows) { left_out_.with({collection}).increment(rows); }

}  // namespace mamey::inline v1
