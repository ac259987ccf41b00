#include <gtest/gtest.h>

#include <mamey/core/error.hpp>
#include <mamey/host/detail/arguments.hpp>

namespace {

using namespace mamey;

process_arguments parse(std::vector<const char*> words, std::vector<std::string> applications = {"orders"}) {
  words.insert(words.begin(), "program");
  return parse_arguments(static_cast<int>(words.size()), words.data(), applications);
}

TEST(arguments, urls_are_taken_apart_at_semicolons) {
  EXPECT_EQ(parse({"--urls", "http://*:5001;http://localhost:5002"}).urls,
            (std::vector<std::string>{"http://*:5001", "http://localhost:5002"}));
  EXPECT_EQ(parse({"--urls=http://[::1]:0"}).urls.size(), 1u);
  EXPECT_EQ(parse({"/urls", "http://*:5001"}).settings, std::vector<std::string>{"--urls=http://*:5001"});
}

TEST(arguments, settings_are_passed_on_in_either_form) {
  EXPECT_EQ(parse({"--logger:level=debug", "--server:urls:0", "http://*:1"}).settings,
            (std::vector<std::string>{"--logger:level=debug", "--server:urls:0=http://*:1"}));
}

TEST(arguments, every_form_of_a_setting_that_dotnet_reads_is_one) {
  EXPECT_EQ(parse({"/app:name=x", "app:version=y", "--greeting", "hello", "/path=/x/y", "--empty="}).settings,
            (std::vector<std::string>{"--app:name=x", "--app:version=y", "--greeting=hello", "--path=/x/y", "--empty="}));
  EXPECT_EQ(parse({"/environment", "docker"}).environment, "docker");
}

TEST(arguments, a_misspelled_option_is_no_setting) {
  for (const auto* word : {"--evironment", "--url", "--order"}) {
    try {
      (void)parse({word, "x"});
      ADD_FAILURE() << word;
    } catch (const validation_error& refused) {
      EXPECT_NE(refused.reason().find("did you mean --"), std::string::npos) << refused.reason();
    }
  }
}

TEST(arguments, each_application_of_a_host_has_its_port) {
  const auto parsed = parse({"--orders", "5002", "--pricing=0"}, {"orders", "pricing"});
  EXPECT_EQ(parsed.ports.at("orders"), "5002");
  EXPECT_EQ(parsed.ports.at("pricing"), "0");
}

TEST(arguments, what_is_wrong_is_said_with_the_expected_form) {
  for (const auto& words : std::vector<std::vector<const char*>>{{"--urls"},
                                                                 {"--urls", "localhost"},
                                                                 {"--urls", "http://x:99999"},
                                                                 {"--nonsense"},
                                                                 {"stray"},
                                                                 {"--orders", "port"},
                                                                 {"--data"}}) {
    EXPECT_THROW((void)parse(words), validation_error) << words.front();
  }
  EXPECT_THROW((void)parse({"--urls", "http://*:1"}, {"orders", "pricing"}), validation_error);
}

TEST(arguments, addresses_are_read_as_written) {
  EXPECT_EQ(parse_url("http://*:5001").port, 5001);
  EXPECT_EQ(parse_url("http://+:80").host, "*");
  EXPECT_EQ(parse_url("http://[::1]:8080").host, "::1");
  EXPECT_EQ(parse_url("http://localhost").port, 80);
  EXPECT_EQ(parse_url("https://localhost").port, 443);
}

}  // namespace
