#include "simulated_store.hpp"

#include <tests/support/memory_store.hpp>

namespace mamey::simulation {
namespace {

class in_memory final : public simulated_store {
 public:
  explicit in_memory(simulated_clock clock) : memory_(std::move(clock)) {
    memory_.apply = [this](const sql_statement& statement) { apply(statement); };
  }

  store& db() override { return memory_; }
  commit_outcome commit(const change_set& changes) override { return memory_.commit(changes); }
  std::vector<row> outbox() override {
    std::vector<row> all;
    for (const auto& [sequence, each] : memory_.outbox()) all.push_back({each.message.id, each.parked, each.reason});
    return all;
  }
  bool has_pending() override { return memory_.has_pending(); }
  bool holds(std::int64_t sequence, const std::string& token) override {
    const auto* const found = memory_.row_of(sequence);
    return found != nullptr && found->token == token;
  }
  std::size_t delayed_count() override { return memory_.delayed_count(); }
  std::vector<error_record> errors() override { return memory_.errors(); }

 private:
  testing::memory_store memory_;
};

}  // namespace

std::unique_ptr<simulated_store> make_memory_store(int, simulated_clock clock) { return std::make_unique<in_memory>(std::move(clock)); }

}  // namespace mamey::simulation
