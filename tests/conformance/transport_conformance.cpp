#include "transport_conformance.hpp"

#include "transport_party.hpp"

namespace mamey::testing {

namespace {

/// Opens broken transports over a sound bench.
class breaking_bench final : public transport_bench {
 public:
  breaking_bench(transport_bench& inner, transport_defect defect) : inner_(inner), defect_(defect) {}
  std::shared_ptr<transport> open() override { return break_transport(inner_.open(), defect_); }

 private:
  transport_bench& inner_;
  transport_defect defect_;
};

}  // namespace

bool transport_conformance::expected_here() const {
  const auto& [subject, which] = GetParam();
  return !which->needs || subject->expected.*which->needs;
}

std::string transport_conformance::run(transport_defect defect) {
  const auto& [subject, which] = GetParam();
  patience() = defect == transport_defect::none ? std::chrono::seconds(10) : patience_with_a_broken_one;
  mamey::runtime loops({.threads = 1});
  const auto bench = subject->make(loops);
  breaking_bench breaking(*bench, defect);
  try {
    which->check(breaking);
  } catch (const promise_broken& found) {
    return found.what();
  }
  return {};
}

TEST_P(transport_conformance, keeps) {
  if (!expected_here()) GTEST_SKIP() << "the table of " << GetParam().subject->name << " does not expect it";
  EXPECT_EQ(run(transport_defect::none), "");
}

TEST_P(transport_conformance, finds_the_defect) {
  if (!expected_here()) GTEST_SKIP() << "the table of " << GetParam().subject->name << " does not expect it";
  EXPECT_NE(run(GetParam().which->caught), "") << "a broken transport passed";
}

TEST_P(transport_conformance, has_the_features_of_its_table) {
  const auto& subject = *GetParam().subject;
  mamey::runtime loops({.threads = 1});
  const auto bench = subject.make(loops);
  const auto features = bench->open()->features();
  const auto& expected = subject.expected;
  EXPECT_EQ(features.persistent, expected.persistent);
  EXPECT_EQ(features.several_processes, expected.several_processes);
  EXPECT_EQ(features.ordered_by_key, expected.ordered_by_key);
  EXPECT_EQ(features.keeps_place, expected.keeps_place);
  EXPECT_EQ(features.holds_places, expected.holds_places);
  EXPECT_EQ(features.counts_starts, expected.counts_starts);
  EXPECT_EQ(features.delayed_give_back, expected.delayed_give_back);
  EXPECT_EQ(features.competing_consumers, expected.competing_consumers);
  EXPECT_EQ(features.reports_unroutable, expected.reports_unroutable);
  EXPECT_EQ(features.confirms_after_handling, expected.confirms_after_handling);
}

}  // namespace mamey::testing
