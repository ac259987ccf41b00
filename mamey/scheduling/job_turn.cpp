#include <mamey/scheduling/job_turn.hpp>

namespace mamey::inline v1 {

job_turn turn_of(const schedule& when, missed_runs policy, std::chrono::seconds tolerance, std::chrono::sys_seconds next,
                 std::chrono::sys_seconds now) {
  job_turn turn;
  auto latest = next;
  auto after = when.next_after(latest);
  for (; after && *after <= now && turn.missed < job_turn::most_missed; after = when.next_after(latest)) {
    latest = *after;
    ++turn.missed;
  }
  turn.next = when.next_after(now).value_or(never);
  if (policy == missed_runs::skip && now - latest > tolerance)
    ++turn.missed;
  else
    turn.due = latest;
  return turn;
}

}  // namespace mamey::inline v1
