#include <gtest/gtest.h>

#include <mamey/messaging/rabbitmq/detail/connecting.hpp>

namespace mamey::rabbitmq_detail {
namespace {

using namespace std::chrono_literals;

TEST(connecting, a_host_may_name_its_port) {
  const auto at = [](const std::string& host, const rabbitmq_options& options = {}) {
    const auto found = address_of(host, options);
    return found.host + ' ' + std::to_string(found.port);
  };
  EXPECT_EQ(at("rabbit"), "rabbit 5672");
  EXPECT_EQ(at("rabbit", {.port = 5673}), "rabbit 5673");
  EXPECT_EQ(at("rabbit", {.ssl = {.enabled = true}}), "rabbit 5671");
  EXPECT_EQ(at("rabbit:5674", {.port = 5673}), "rabbit 5674");
  EXPECT_EQ(at("::1"), "::1 5672") << "an address of version 6 has colons of its own";
  EXPECT_EQ(at("[::1]:5674"), "::1 5674");
}

TEST(connecting, pauses_grow_to_the_longest_and_begin_anew_after_a_connection_that_held) {
  reconnect_pace pace(500ms, 1);
  const auto within = [](std::chrono::milliseconds pause, std::chrono::milliseconds least) {
    return pause >= least && pause <= least * 5 / 4;
  };
  EXPECT_TRUE(within(pace.after(false, 0s), 100ms));
  EXPECT_TRUE(pace.is_hopeful());
  EXPECT_TRUE(within(pace.after(false, 0s), 200ms));
  EXPECT_FALSE(pace.is_hopeful());
  EXPECT_TRUE(within(pace.after(false, 0s), 400ms));
  EXPECT_TRUE(within(pace.after(true, 1s), 500ms)) << "it broke at once";
  EXPECT_TRUE(pace.is_hopeful());
  EXPECT_TRUE(within(pace.after(true, 60s), 100ms));
}

}  // namespace
}  // namespace mamey::rabbitmq_detail
