#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include <mamey/application.hpp>
#include <mamey/core/error.hpp>
#include <mamey/feature/composition.hpp>
#include <mamey/messaging/store.hpp>
#include <mamey/testing/harness.hpp>

namespace {

struct store_feature {
  void install(mamey::composition& into) const {
    into.use_store({.name = "shelf", .feature = "test::shelf()"},
                   [](const mamey::environment&) { return std::unique_ptr<mamey::store>(); });
  }
};
struct broken_feature {
  void install(mamey::composition&) const { throw std::runtime_error("the feature is broken"); }
};

struct late_failure {
  void install(mamey::composition& into) const {
    into.on_start("fail", [](const mamey::environment&) { throw std::runtime_error("the work at the start failed"); });
  }
};

struct Clash {  // two members of one wire name
  int some_size = 0;
  int someSize = 0;
};
void clash(const Clash&) {}

/// What a program with this `main` says on stderr; its exit code must be 1.
std::string told_by_run(mamey::application what) {
  std::string name = "program";
  char* arguments[] = {name.data(), nullptr};
  testing::internal::CaptureStderr();
  EXPECT_EQ(std::move(what).run(1, arguments), 1);
  return testing::internal::GetCapturedStderr();
}

TEST(composition, two_stores_are_told_by_run_with_exit_code_1) {
  const auto said = told_by_run(mamey::application("twice").add(store_feature{}).add(store_feature{}));
  EXPECT_NE(said.find("twice: application twice gets its store from test::shelf() already"), std::string::npos) << said;
}

TEST(composition, whatever_a_feature_or_a_module_throws_is_told_by_run_and_the_first_counts) {
  const auto said = told_by_run(mamey::application("torn").add(broken_feature{}).add(store_feature{}).add(store_feature{}));
  EXPECT_EQ(said, "torn: the feature is broken\n");
  const auto of_module = told_by_run(mamey::application("torn").add(mamey::module("m").commands<clash>()));
  EXPECT_NE(of_module.find("someSize"), std::string::npos) << of_module;
}

TEST(composition, a_host_tells_it_as_well) {
  std::string name = "program";
  char* arguments[] = {name.data(), nullptr};
  testing::internal::CaptureStderr();
  EXPECT_EQ(mamey::host("house").add(mamey::application("whole")).add(mamey::application("torn").add(broken_feature{})).run(1, arguments),
            1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "house: the feature is broken\n");
}

struct NobodyTakesIt {
  int amount = 0;
};
[[maybe_unused]] void send_it_later(mamey::publisher& messages) { messages.send_later(NobodyTakesIt{}, std::chrono::seconds(1)); }

TEST(composition, a_message_that_code_of_the_program_sends_and_nobody_handles_is_told_by_run) {
  const auto said = told_by_run(mamey::application("deaf"));
  EXPECT_EQ(said.rfind("deaf: code of this program sends or asks ", 0), 0u) << said;
  EXPECT_NE(said.find("NobodyTakesIt"), std::string::npos) << said;
  EXPECT_NE(said.find(", but no application here handles that: list a handler with .commands<…>() or .queries<…>(); where the code is of a "
                      "module that does not run, set app:allowUnhandled"),
            std::string::npos)
      << said;
}

TEST(composition, a_program_may_say_that_it_does_not_run_all_of_its_modules) {
  const auto said = told_by_run(mamey::application("deaf").setting("app:allowUnhandled", "true").add(late_failure{}));
  EXPECT_EQ(said, "deaf: the work at the start failed\n");
}

TEST(composition, the_harness_throws_it) {
  EXPECT_THROW(mamey::testing::harness{mamey::application("torn").add(broken_feature{})}, std::runtime_error);
}

}  // namespace
