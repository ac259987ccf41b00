#pragma once

/// @file
/// One simulated system: publishers' store with relays, a broker, subscribers' store with consumers; and the promises, checked after each
/// step and at the end.

#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <mamey/messaging/delivery_machine.hpp>
#include <mamey/messaging/failure_plan.hpp>
#include <mamey/messaging/faults.hpp>
#include <mamey/messaging/relay_machine.hpp>
#include <mamey/messaging/subscription_machine.hpp>
#include <mamey/messaging/throttle_machine.hpp>

#include "scheduler.hpp"
#include "simulated_store.hpp"

namespace mamey::simulation {

class relay_process;
class consumer_process;
class broker_model;

/// How often each (state, event) pair of a machine was met.
template <std::size_t States, std::size_t Events>
struct coverage_table {
  std::array<std::array<std::uint64_t, Events>, States> met{};
  template <class State, class Event>
  void meet(State state, Event event) {
    ++met.at(static_cast<std::size_t>(state)).at(static_cast<std::size_t>(event));
  }
  std::size_t reached() const {
    std::size_t count = 0;
    for (const auto& row : met) {
      for (const auto each : row) count += each > 0;
    }
    return count;
  }
};

struct coverage {
  coverage_table<6, 20> relay;
  coverage_table<10, 16> delivery;
  coverage_table<3, 4> throttle;
  coverage_table<8, 12> subscription;
};

/// What is made to go wrong, and how much of everything there is.
struct profile {
  bool ordered = false;
  bool keys_held_in_store = false;  ///< ordered: what fails waits as a row, and what comes after it behind that
  bool counts_starts = false;       ///< the broker counts hand-outs (as the SQL transport does)
  std::size_t messages = 12;
  std::size_t relays = 2;
  std::size_t consumers = 2;
  double crash = 0.004;  ///< at each step of a process
  double stall = 0.003;
  double store_failure = 0.03;
  double broker_trouble = 0.08;
  double duplicate = 0.1;
  double commit_failure = 0.1;  ///< of a publisher: half of them fail, of the others nobody hears
  double slow_commit = 0.1;     ///< before it is applied, or before its answer
  double clock_jump = 0.3;      ///< in a schedule
  bool full_queue = false;      ///< a second queue, which is full for as long as things go wrong
  bool calm = false;            ///< nothing else goes wrong
  bool rules = false;           ///< random rules for failures, by code, handler and type, in the configuration and in code
  span chaos = 20s;             ///< how long things go wrong; afterwards everything must come to its end
  injected_faults faults;
};

enum class fate : std::uint8_t {
  succeeds,
  fails_for_a_while,
  is_refused_by_the_handler,
  aborts_the_process,
  too_new_at_first,
  refused_by_the_broker,
  has_no_listener
};

struct message_book {
  std::string id;
  std::string key;
  bool to_full_queue = false;
  span committed_at{};
  fate what = fate::succeeds;
  int failures_left = 0;
  bool committed = false;
  int copies = 0;  ///< that reached a queue
  int aborts = 0;
  std::size_t number = 0;
};

class world {
 public:
  using inbox_place = std::pair<std::string, std::string>;  ///< handler, message

  world(std::uint64_t seed, const profile& with, coverage& met, const store_maker& make_store = make_memory_store);
  ~world();

  /// Runs the schedule; empty when every promise held, else what was broken.
  std::string run();

  scheduler time;
  profile settings;
  coverage& met;
  std::unique_ptr<simulated_store> outbox_store;
  std::unique_ptr<simulated_store> inbox_store;
  std::unique_ptr<broker_model> broker;
  std::vector<std::unique_ptr<relay_process>> relays;
  std::vector<std::unique_ptr<consumer_process>> consumers;
  std::map<std::string, message_book> book;
  const std::vector<std::string> handlers;
  std::set<std::string> sent_without_lease;
  bool clock_jumped = false;
  const bool interactive;  ///< handlers ask for a transaction: while one is open for a message, nobody else begins another
  std::map<inbox_place, std::weak_ptr<void>> open_units;
  failure_levels failures;
  std::map<std::string, failure_plan> plans;  ///< by handler; empty: no rules

  /// What the rules say, found again without the product's own search: the judge's opinion.
  failure_reaction asked_for(const std::string& handler, const std::string& code) const;
  void discarded(const std::string& handler, const std::string& id, const std::string& code);
  /// Somebody has repaired what paused the subscription; true after a few pauses.
  bool is_repaired(const std::string& handler, const std::string& id) const;
  void paused(const std::string& handler, const std::string& id) { ++pauses_[{handler, id}]; }

  bool chaos() const { return time.now() < chaos_until_; }
  bool hits(double probability) { return chaos() && time.random.hits(probability); }
  void violate(std::string what);
  /// The invariants of one of the product's machines. With a seeded defect the promises must find it, so these stay quiet.
  void expect_holds(std::string_view name, const auto& machine) {
    if (settings.faults != injected_faults{}) return;
    if (const auto broken = machine.check(); !broken.empty())
      violate(std::string(name) + ": an invariant does not hold: " + std::string(broken));
  }
  void effect(const std::string& handler, const std::string& id);
  int reader_version() const { return chaos() ? 1 : 2; }

 private:
  void draw_rules();
  void publish_some();
  void begin_commit(const change_set& changes);
  void apply_commit(const change_set& changes, relay_process& of, std::uint64_t incarnation, std::optional<hand_over_terms> terms,
                    steady_time begun);
  void fail_commit(const change_set& changes, relay_process& of, std::uint64_t incarnation, const std::optional<hand_over_terms>& terms,
                   steady_time begun);
  handed_rows write_outbox(const change_set& changes, const std::optional<hand_over_terms>& terms, steady_time begun);
  void wake_some();
  span commit_time();
  void trouble();
  bool everything_ended() const;
  std::string verdict() const;

  span chaos_until_;
  span wall_offset_{};
  std::string violation_;
  std::size_t unpublished_ = 0;
  std::size_t uncommitted_ = 0;
  std::size_t numbers_ = 0;
  std::map<inbox_place, int> discards_, pauses_;
  std::map<std::pair<std::string, std::string>, int> effects_;              ///< (handler, message)
  std::map<std::pair<std::string, std::string>, std::size_t> last_in_key_;  ///< (handler, key): number of the last effect
};

}  // namespace mamey::simulation
