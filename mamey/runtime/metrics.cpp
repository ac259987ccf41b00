#include <mamey/runtime/metrics.hpp>

#include <chrono>
#include <functional>
#include <string>

#include <mamey/runtime/runtime.hpp>

namespace mamey::inline v1 {
namespace {

using metrics::sample_kind;

/// Each loop under its number; the one without user handlers is `system`.
void for_each_loop(runtime& loops, const std::function<void(const std::string&, event_loop&)>& tell) {
  for (std::size_t i = 0; i < loops.loops(); ++i) tell(std::to_string(i), loops.loop(i));
  tell("system", loops.system_loop());
}

}  // namespace

std::vector<metrics::registration> show_loops(metrics::registry& in, runtime& loops) {
  std::vector<metrics::registration> shown;
  shown.push_back(in.collect(sample_kind::gauge, "mamey_loop_lag_seconds", "Longest a loop kept others waiting since the last scrape.",
                             {"loop"}, [&loops](const metrics::sample_sink& sink) {
                               for_each_loop(loops, [&](const std::string& name, event_loop& loop) {
                                 sink({name}, std::chrono::duration<double>(loop.read_statistics().worst_lag).count());
                               });
                             }));
  shown.push_back(in.collect(sample_kind::gauge, "mamey_fibers", "Fibers alive.", {"loop"}, [&loops](const metrics::sample_sink& sink) {
    for_each_loop(loops, [&](const std::string& name, event_loop& loop) { sink({name}, static_cast<double>(loop.fibers_alive())); });
  }));
  shown.push_back(in.collect(sample_kind::counter, "mamey_loop_stalls_total", "How often a loop ran one thing for runtime:stallWarning.",
                             {"loop"}, [&loops](const metrics::sample_sink& sink) {
                               for_each_loop(loops, [&](const std::string& name, event_loop& loop) {
                                 sink({name}, static_cast<double>(loop.stalls()));
                               });
                             }));
  return shown;
}

}  // namespace mamey::inline v1
