#include <mamey/core/uuid.hpp>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <thread>
#include <unordered_set>
#include <vector>

#include <mamey/core/id.hpp>

namespace {

using mamey::uuid;

TEST(uuid, every_form_is_read_and_the_dashed_one_written) {
  const auto id = uuid("0190163d-8694-739b-aea5-966c26f8ad91");
  EXPECT_EQ(uuid::parse("0190163D8694739BAEA5966C26F8AD91"), id);
  EXPECT_EQ(uuid::parse("{0190163d-8694-739b-aea5-966c26f8ad91}"), id);
  EXPECT_EQ(to_string(id), "0190163d-8694-739b-aea5-966c26f8ad91");
  EXPECT_EQ(id.to_compact_string(), "0190163d8694739baea5966c26f8ad91");
}

TEST(uuid, anything_else_is_refused) {
  for (const auto text :
       {"", "0190163d-8694-739b-aea5-966c26f8ad9", "0190163d-8694-739b-aea5-966c26f8ad911", "0190163d_8694-739b-aea5-966c26f8ad91",
        "g190163d-8694-739b-aea5-966c26f8ad91", "0190163d8694-739b-aea5-966c26f8ad91-", "{0190163d-8694-739b-aea5-966c26f8ad91",
        "(0190163d-8694-739b-aea5-966c26f8ad91)", "{0190163d8694739baea5966c26f8ad91}"}) {
    EXPECT_EQ(uuid::parse(text), std::nullopt) << text;
  }
  EXPECT_THROW(uuid("x"), std::invalid_argument);
}

TEST(uuid, the_default_is_nil) {
  EXPECT_TRUE(uuid().is_nil());
  EXPECT_FALSE(uuid::v4().is_nil());
}

int version_of(const uuid& id) { return id.bytes[6] >> 4; }
int variant_of(const uuid& id) { return id.bytes[8] >> 6; }

TEST(uuid, versions_and_variant_are_marked) {
  EXPECT_EQ(version_of(uuid::v4()), 4);
  EXPECT_EQ(version_of(uuid::v7()), 7);
  EXPECT_EQ(variant_of(uuid::v4()), 2);
  EXPECT_EQ(variant_of(uuid::v7()), 2);
}

TEST(uuid, ordered_ids_carry_the_time) {
  const auto now = [] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  };
  const auto before = now();
  const auto id = uuid::v7();
  std::int64_t milliseconds = 0;
  for (std::size_t i = 0; i < 6; ++i) milliseconds = milliseconds << 8 | id.bytes[i];
  EXPECT_GE(milliseconds, before);
  EXPECT_LE(milliseconds, now() + 1000);  // a burst may count ahead of the clock
}

TEST(uuid, ordered_ids_of_one_process_are_strictly_ascending) {
  std::vector<uuid> ids(100000);
  std::ranges::generate(ids, &uuid::v7);
  EXPECT_EQ(std::ranges::adjacent_find(ids, std::ranges::greater_equal()), ids.end());
}

TEST(uuid, ordered_ids_are_ascending_in_each_thread_and_never_shared) {
  std::vector<std::vector<uuid>> ids(4, std::vector<uuid>(20000));
  {
    std::vector<std::jthread> threads;
    for (auto& own : ids) threads.emplace_back([&own] { std::ranges::generate(own, &uuid::v7); });
  }
  std::set<uuid> all;
  for (const auto& own : ids) {
    EXPECT_TRUE(std::ranges::is_sorted(own));
    all.insert(own.begin(), own.end());
  }
  EXPECT_EQ(all.size(), 80000U);
}

TEST(uuid, random_ids_do_not_repeat_and_hash_apart) {
  std::unordered_set<uuid> ids;
  for (int i = 0; i < 10000; ++i) ids.insert(uuid::v4());
  EXPECT_EQ(ids.size(), 10000U);
}

TEST(uuid, a_forked_process_has_random_bytes_of_its_own) {
  uuid::v4();  // fills the buffer that a child inherits
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const auto child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto id = uuid::v4();
    _exit(write(pipe_ends[1], id.bytes.data(), id.bytes.size()) == 16 ? 0 : 1);
  }
  const auto own = uuid::v4();
  uuid of_child;
  ASSERT_EQ(read(pipe_ends[0], of_child.bytes.data(), 16), 16);
  waitpid(child, nullptr, 0);
  EXPECT_NE(own, of_child);
}

TEST(uuid, ids_of_different_kinds_are_different_types) {
  using order_id = mamey::id<struct order_tag>;
  using customer_id = mamey::id<struct customer_tag>;
  static_assert(!std::is_convertible_v<order_id, customer_id>);
  const auto id = order_id::generate();
  EXPECT_EQ(to_string(id), to_string(id.value));
  EXPECT_EQ(std::hash<order_id>()(id), std::hash<uuid>()(id.value));
  EXPECT_LT(order_id{}, id);
}

}  // namespace
