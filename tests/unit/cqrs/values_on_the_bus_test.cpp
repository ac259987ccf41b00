// What is published can be read by who receives it, or is refused when it is published.

#include <gtest/gtest.h>

#include <mamey/application.hpp>
#include <mamey/testing/harness.hpp>

#include "../../support/every_value.hpp"

namespace {

using namespace mamey;
using mamey::testing::every_edge;
using mamey::testing::every_value;

struct Measure {
  every_value value;
};
struct Measured {
  static constexpr message_options message{.exchange = "values"};
  every_value value;
};

void measure(const Measure& command, publisher& messages) { messages.publish(Measured{command.value}); }

TEST(values_on_the_bus, are_read_again_as_they_were_or_refused_with_the_member) {
  mamey::testing::harness tested{module("values").commands<measure>()};
  every_edge edges(5);
  std::vector<every_value> sent;
  for (int i = 0; i < 100; ++i) {
    auto value = edges.next(i % 2 == 0 ? 0 : 60);
    if (value.key == uuid{}) value.key = uuid::v4();  // a command without an id is refused as such
    try {
      tested.send(Measure{value});
      sent.push_back(value);
    } catch (const validation_error& refused) {
      EXPECT_EQ(i % 2, 1) << refused.violations()[0].path;
      for (const auto& each : refused.violations()) EXPECT_EQ(each.path.substr(0, 6), "value.") << each.message;
    }
  }
  EXPECT_GT(sent.size(), 50U);
  const auto received = tested.published<Measured>();
  ASSERT_EQ(received.size(), sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i) EXPECT_TRUE(is_same(sent[i], received[i].value)) << json::to_string(sent[i]);
}

struct Ratio {
  double value = 0;
};
struct AskRatio {
  using result = Ratio;
  bool finite = false;
};

TEST(values_in_answers, that_could_not_be_read_are_the_service_s_own_fault) {
  mamey::testing::harness tested{
      module("ratios").get("/ratio", [](const AskRatio& asked) { return Ratio{asked.finite ? 0.5 : std::nan("")}; })};
  EXPECT_EQ(tested.get("/ratio?finite=true").body, R"({"value":0.5})");
  EXPECT_EQ(tested.get("/ratio").status, 500);
}

}  // namespace
