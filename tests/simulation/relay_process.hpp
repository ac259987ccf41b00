#pragma once

/// @file
/// A process that runs the relay's machine against the simulated store and broker. It stalls, crashes and starts again.

#include <map>
#include <optional>
#include <set>
#include <string>

#include "world.hpp"

namespace mamey::simulation {

class relay_process {
 public:
  relay_process(world& in, std::size_t number);

  void start();
  void crash();
  /// Nothing happens in this process until then.
  void stall(span until);
  void stop_gently();
  void tell(relay_input input);
  /// What a commit of this process may ask for; empty: nothing is handed over.
  std::optional<hand_over_terms> terms_for(const change_set& changes) const;
  std::uint64_t incarnation() const { return incarnation_; }
  /// Its own clock.
  steady_time steady() const;
  /// A commit of this process, begun by `incarnation`, has succeeded. `granted`: until when the store has leased which rows.
  void hand(std::uint64_t incarnation, handed_rows rows, const std::map<std::int64_t, span>& granted);
  bool alive() const { return machine_ != nullptr; }

 private:
  void perform(relay_action action);
  void send(const relay_action& action);
  void claim_rows(const claim_request& request);
  void renew(const relay_action& action);
  void expect_marked();
  /// Carries out `operation` after a while, then tells its answer; either may be lost.
  void with_store(std::function<relay_input()> operation, relay_event failed);

  world& world_;
  std::size_t number_;
  std::unique_ptr<relay_machine> machine_;
  std::uint64_t incarnation_ = 0;
  std::uint64_t channel_ = 0;
  std::uint64_t timer_ = 0;
  span stalled_until_{};
  span clock_offset_{};
  std::map<std::string, std::int64_t> sequence_of_;
  std::map<std::int64_t, span> lease_until_;  ///< as the store granted it
  std::string owner_;
  std::map<std::uint64_t, std::string> sent_;  ///< ids by tag
  std::vector<std::string> confirmed_;         ///< ids
  bool gave_up_ = false;
  std::set<std::int64_t> marked_, from_commits_;  ///< sequences
};

}  // namespace mamey::simulation
