// The walk in the harness: a unit is a handler's run, one inside the other.

#include <mamey/application.hpp>
#include <mamey/cqrs/dispatcher.hpp>
#include <mamey/testing/harness.hpp>

#include "../support/soak.hpp"
#include "unit_walk.hpp"

namespace mamey::testing {
namespace {

std::unique_ptr<walked_world> walked;
int depth = 0;
std::optional<bool> foreseen;  ///< of the unit that ends now

/// The harness refuses a handler whose aggregates end changed and unsaved, and a walk leaves many so: they end behind it.
std::vector<std::unique_ptr<walked_unit>> ended;

struct Walk {};

template <class Send>
void walk_in_handler(Send send) {
  foreseen.reset();
  try {
    send();
  } catch (const concurrency_conflict& conflict) {
    EXPECT_TRUE(foreseen.value_or(false)) << conflict.reason();
    ++walked->conflicts;
    return;
  }
  EXPECT_FALSE(foreseen.value_or(true));
}

void walk(const Walk& command, repository<walked_account>& accounts, read_models<walked_card>& cards, dispatcher& others) {
  auto& unit = *ended.emplace_back(std::make_unique<walked_unit>(*walked, accounts, cards));
  ++depth;
  for (auto steps = walked->below(8) + 2; steps > 0; --steps) {
    if (depth < 3 && walked->once_in(12))
      walk_in_handler([&] { others.send(command); });
    else
      unit.step();
  }
  --depth;
  foreseen = unit.is_stale();
  if (!*foreseen) unit.apply();  // nobody comes between this and the commit
}

TEST(unit_walk, handlers_do_what_plain_maps_do_in_the_harness) {
  walked = std::make_unique<walked_world>(21);
  harness here{module("walks").commands<walk>()};
  const auto sequences = rounds(100'000, 1'000'000);
  for (std::size_t sequence = 0; sequence < sequences && !::testing::Test::HasFailure(); ++sequence) {
    SCOPED_TRACE("sequence " + std::to_string(sequence));
    walk_in_handler([&] { here.send(Walk{}); });
    ended.clear();
  }
  EXPECT_GT(walked->commits, sequences / 2);
  EXPECT_GT(walked->conflicts, sequences / 200);
  EXPECT_GT(walked->refused, sequences / 100);
}

}  // namespace
}  // namespace mamey::testing
