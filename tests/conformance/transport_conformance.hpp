#pragma once

/// @file
/// What every transport does. A provider's test hands in how its transport is made and the features it is expected to have:
///
///     const transport_subject subject{.name = "sql", .expected = {…}, .make = [](runtime& on) { return std::make_unique<sql_bench>(on);
///     }}; INSTANTIATE_TEST_SUITE_P(sql, transport_conformance, all_cases_of(subject), case_name);
///
/// A case is skipped only where the table says the feature is missing. Each case must fail on a transport with the defect it names
/// (`broken_transport`).

#include <functional>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <mamey/messaging/transport.hpp>
#include <mamey/runtime/runtime.hpp>

namespace mamey::testing {

/// Thrown by a case whose promise was broken.
struct promise_broken : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Makes transports over one storage: opening twice is two processes, closing all and opening again is a restart.
class transport_bench {
 public:
  virtual ~transport_bench() = default;
  virtual std::shared_ptr<transport> open() = 0;
};

struct transport_subject {
  std::string name;
  transport_features expected;
  std::function<std::unique_ptr<transport_bench>(mamey::runtime& on)> make;
};

/// Of the SQL transport, whatever database its queues are in.
inline constexpr transport_features expected_of_sql{.name = "sql",
                                                    .persistent = true,
                                                    .several_processes = true,
                                                    .ordered_by_key = true,
                                                    .keeps_place = true,
                                                    .counts_starts = true,
                                                    .delayed_give_back = true,
                                                    .competing_consumers = true,
                                                    .reports_unroutable = true,
                                                    .confirms_after_handling = false};

/// What a broken transport does wrong.
enum class transport_defect : std::uint8_t {
  none,
  loses_messages,  ///< confirmed and never handed out
  confirms_unroutable,
  delivers_to_one_queue,  ///< one subscription gets it, the others do not
  confirms_at_once,       ///< before it is safe (or handled)
  forgets_settlements,    ///< an acknowledged message comes again
  hides_redelivery,
  ignores_delays,
  drops_given_back,  ///< a message given back is gone
  ignores_prefetch,
  ignores_order,
  resets_starts,
  hands_out_twice,  ///< to every consumer of a queue
  delivers_after_cancel,
  delivers_after_close,
  forgets_outcomes,  ///< of a reset
  repeats_outcomes,
  alters_messages,
  sends_too_late,  ///< although the lease behind it has ended
  counts_uncounted,
  refuses_to_declare_again,
  swallows_unsettled,  ///< what a consumer left unsettled is gone
};

/// `inner` with a defect.
std::shared_ptr<transport> break_transport(std::shared_ptr<transport> inner, transport_defect defect);

struct transport_case {
  const char* name;
  bool transport_features::* needs;  ///< null: every transport
  transport_defect caught;           ///< must make this case fail
  void (*check)(transport_bench& bench);
};
const std::vector<transport_case>& transport_cases();

struct transport_case_of {
  const transport_subject* subject;
  const transport_case* which;
};
inline void PrintTo(const transport_case_of& each, std::ostream* out) { *out << each.subject->name << ": " << each.which->name; }

inline std::string case_name(const ::testing::TestParamInfo<transport_case_of>& info) { return info.param.which->name; }

/// Every case, for INSTANTIATE_TEST_SUITE_P. `subject` is static.
inline auto all_cases_of(const transport_subject& subject) {
  std::vector<transport_case_of> all;
  for (const auto& each : transport_cases()) all.push_back({&subject, &each});
  return ::testing::ValuesIn(all);
}

class transport_conformance : public ::testing::TestWithParam<transport_case_of> {
 protected:
  /// Empty when the case passed, else what it found.
  std::string run(transport_defect defect);
  bool expected_here() const;
};

}  // namespace mamey::testing
