#include <mamey/messaging/in_process_transport.hpp>

#include "transport_conformance.hpp"

namespace mamey::testing {
namespace {

class in_process_bench final : public transport_bench {
 public:
  explicit in_process_bench(mamey::runtime& on) : on_(on) {}
  std::shared_ptr<transport> open() override { return std::make_shared<in_process_transport>(on_.system_loop()); }

 private:
  mamey::runtime& on_;
};

const transport_subject in_process{.name = "in-process",
                                   .expected = {.name = "inProcess",
                                                .persistent = false,
                                                .several_processes = false,
                                                .ordered_by_key = true,
                                                .keeps_place = true,
                                                .counts_starts = false,
                                                .delayed_give_back = true,
                                                .competing_consumers = true,
                                                .reports_unroutable = true,
                                                .confirms_after_handling = true},
                                   .make = [](mamey::runtime& on) { return std::make_unique<in_process_bench>(on); }};

INSTANTIATE_TEST_SUITE_P(in_process, transport_conformance, all_cases_of(in_process), case_name);

}  // namespace
}  // namespace mamey::testing
