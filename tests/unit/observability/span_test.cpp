#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <mamey/observability/span.hpp>

namespace tracing = mamey::tracing;

namespace {

struct keeping_exporter : tracing::span_exporter {
  std::vector<tracing::span_record> records;
  void take(tracing::span_record&& record) noexcept override { records.push_back(std::move(record)); }
};

class spans : public testing::Test {
 protected:
  spans() { tracing::set_exporter(exporter); }
  ~spans() override { tracing::set_exporter(nullptr); }
  std::shared_ptr<keeping_exporter> exporter = std::make_shared<keeping_exporter>();
  tracing::span_place sampled{.trace = {1}, .id = {2}, .parent = {3}, .sampled = true};
};

}  // namespace

TEST_F(spans, a_sampled_span_reaches_the_exporter_once_with_what_was_set) {
  {
    tracing::span span("POST /orders", tracing::span_kind::server, sampled, "orders");
    EXPECT_TRUE(span.recording());
    span.set("http.status_code", 500).set("retry", true).fail("database is locked");
    auto moved = std::move(span);
    moved.end();
  }
  ASSERT_EQ(exporter->records.size(), 1U);
  const auto& record = exporter->records[0];
  EXPECT_EQ(record.name, "POST /orders");
  EXPECT_EQ(record.service, "orders");
  EXPECT_EQ(record.place.parent, sampled.parent);
  EXPECT_EQ(record.error, "database is locked");
  ASSERT_EQ(record.attributes.size(), 2U);
  EXPECT_EQ(std::get<std::int64_t>(record.attributes[0].second), 500);
}

TEST_F(spans, a_span_that_is_not_sampled_records_nothing) {
  auto place = sampled;
  place.sampled = false;
  tracing::span span("quiet", tracing::span_kind::internal, place);
  span.set("a", 1).fail("b");
  EXPECT_FALSE(span.recording());
  span.end();
  EXPECT_TRUE(exporter->records.empty());
}

TEST_F(spans, without_an_exporter_nothing_is_recorded) {
  tracing::set_exporter(nullptr);
  const tracing::span span("unheard", tracing::span_kind::internal, sampled);
  EXPECT_FALSE(span.recording());
}

TEST_F(spans, attributes_are_bounded_in_number_and_length) {
  {
    tracing::span span("big", tracing::span_kind::internal, sampled);
    for (int i = 0; i < 1'000; ++i) span.set("text", std::string(1 << 16, 'x'));
  }
  const auto& attributes = exporter->records.at(0).attributes;
  EXPECT_EQ(attributes.size(), 64U);
  EXPECT_LE(std::get<std::string>(attributes[0].second).size(), 4096U);
}
