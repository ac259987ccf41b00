/// Files as services of Mamey, Convey and Pacco have them: an application starts with each as it is, and says what an operator has to know. appsettings/ has
/// the files, warnings.json what is said of each.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <mamey/application.hpp>
#include <mamey/core/configuration.hpp>
#include <mamey/host/detail/logger_section.hpp>
#include <mamey/host/detail/settings.hpp>
#include <mamey/messaging/rabbitmq/options.hpp>
#include <mamey/persistence/postgres/options.hpp>
#include <mamey/testing/harness.hpp>

#include <simdjson.h>

#include "../observability/log_capture.hpp"

namespace {

struct Place {
  std::string sku;
};
struct Placed {
  static constexpr mamey::message_options message{.exchange = "orders"};
  std::string sku;
};
void place(const Place& command, mamey::publisher& events) { events.publish(Placed{command.sku}); }

/// What is said of a file, without the folder it is in.
std::vector<std::string> warnings_of(const std::filesystem::path& file) {
  const log_capture capture;
  {
    mamey::configuration values;
    values.add_file(file.string());
    std::vector<mamey::configuration_problem> problems;
    (void)mamey::read_logger_section(values, problems);
    mamey::warn_of(problems);
    mamey::warn_of(values.warnings());
    mamey::configuration_report report;  // engines that the harness replaces
    mamey::rabbitmq_options rabbitmq;
    mamey::postgres_options postgres;
    values.bind("rabbitMq", rabbitmq, report);
    values.bind("postgres", postgres, report);
    report.throw_if_any();
    mamey::warn_of(report.warnings);
  }
  mamey::testing::harness orders{mamey::module("orders").commands<place>()};
  orders.load(file.string());
  EXPECT_EQ(orders.get("/ping").status, 200);
  orders.send(Place{"tea"});
  EXPECT_EQ(orders.published<Placed>().size(), 1U) << "what a service publishes leaves it";
  std::vector<std::string> warnings;
  const auto folder = file.parent_path().string() + "/";
  for (const auto& each : capture.records()) {
    if (each.level < mamey::log_level::warning) continue;
    auto text = each.message;
    for (auto at = text.find(folder); at != text.npos; at = text.find(folder)) text.erase(at, folder.size());
    warnings.push_back(text);
  }
  return warnings;
}

TEST(appsettings, of_real_services_start_and_say_what_an_operator_has_to_know) {
  const std::filesystem::path folder = MAMEY_APPSETTINGS;
  simdjson::dom::parser parser;
  const simdjson::dom::element expected = parser.load((folder / "warnings.json").string());
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto name = entry.path().stem().string();
    if (name == "warnings") continue;
    ++files;
    std::vector<std::string> lines;
    for (const auto each : expected[name].get_array()) lines.emplace_back(std::string_view(each));
    try {
      EXPECT_EQ(warnings_of(entry.path()), lines) << name;
    } catch (const std::exception& refused) {
      ADD_FAILURE() << name << " is refused: " << refused.what();
    }
  }
  EXPECT_EQ(files, simdjson::dom::object(expected.get_object()).size());
  EXPECT_GE(files, 25U);
}

}  // namespace
