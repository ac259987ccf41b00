// Looks into the inbox that share statements; no server.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/persistence/postgres/detail/inbox_looks.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>

namespace {

using namespace std::chrono_literals;
using mamey::inbox_key;
using mamey::postgres_detail::inbox_looks;

class looks_together : public ::testing::Test {
 protected:
  /// Answers after a while: whether the id is an even number; fails for a statement in which `bad` stands.
  std::vector<bool> ask(std::span<const inbox_key> keys) {
    EXPECT_FALSE(asking_) << "one at a time";
    asking_ = true;
    sizes_.push_back(keys.size());
    mamey::sleep_for(10ms);
    asking_ = false;
    std::vector<bool> even;
    for (const auto& each : keys) {
      if (each.message_id == "bad") throw mamey::unavailable("away", "the database is away");
      even.push_back(std::stoi(each.message_id) % 2 == 0);
    }
    return even;
  }
  std::string look(const std::string& id) {
    try {
      return looks_.was_handled({"on_it", id, {}}) ? "handled" : "new";
    } catch (const mamey::unavailable&) {
      return "away";
    }
  }
  std::vector<std::string> look_at_once(const std::vector<std::string>& ids) {
    std::vector<std::string> answers(ids.size());
    mamey::with_scope([&](mamey::task_scope& all) {
      for (std::size_t i = 0; i < ids.size(); ++i) all.spawn("look", [&, i] { answers[i] = look(ids[i]); });
    });
    return answers;
  }

  mamey::simulated_runtime time_;
  bool asking_ = false;
  std::vector<std::size_t> sizes_;
  inbox_looks looks_{[this](std::span<const inbox_key> keys) { return ask(keys); }};
};

TEST_F(looks_together, share_the_statement_that_follows_the_one_on_its_way_and_each_gets_its_answer) {
  time_.run([&] {
    const std::vector<std::string> expected{"new", "handled", "new", "handled", "new"};
    EXPECT_EQ(look_at_once({"1", "2", "3", "4", "5"}), expected);
    EXPECT_EQ(look("6"), "handled");
  });

  EXPECT_EQ(sizes_, (std::vector<std::size_t>{1, 4, 1}));
}

TEST_F(looks_together, are_bound_in_number) {
  time_.run([&] { look_at_once(std::vector<std::string>(2 * inbox_looks::most + 2, "2")); });

  EXPECT_EQ(sizes_, (std::vector<std::size_t>{1, inbox_looks::most, inbox_looks::most, 1}));
}

TEST_F(looks_together, fail_together_and_the_next_is_asked_again) {
  time_.run([&] {
    std::string first;
    mamey::with_scope([&](mamey::task_scope& all) {
      all.spawn("first", [&] { first = look("1"); });
      mamey::sleep_for(1ms);  // it is on its way alone
      const std::vector<std::string> expected{"away", "away"};
      EXPECT_EQ(look_at_once({"bad", "2"}), expected);
    });
    EXPECT_EQ(first, "new");
    EXPECT_EQ(look("2"), "handled");
  });
}

}  // namespace
