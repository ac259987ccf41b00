#include <mamey/core/error.hpp>

#include "../support/memory_store.hpp"
#include "condition_conformance.hpp"

namespace mamey::testing {
namespace {

/// What it holds is lost when it is closed: for suites that open it once.
class memory_database final : public test_database {
 public:
  std::unique_ptr<store> open() override { return std::make_unique<memory_store>(); }
  void move_clock(std::chrono::milliseconds) override {}
  std::string type_for(column_content) const override { return {}; }
};

}  // namespace

static std::unique_ptr<test_database> make_memory() { return std::make_unique<memory_database>(); }
INSTANTIATE_TEST_SUITE_P(memory, condition_conformance, ::testing::Values(make_memory));

}  // namespace mamey::testing
