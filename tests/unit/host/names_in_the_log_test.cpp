// Whose lines of the log are whose, in a host of several applications.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <mamey/application.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/host/running_application.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/shutdown.hpp>

#include "../observability/log_capture.hpp"

namespace {

using namespace mamey;

void name_service(log_context& into) { into.add("service", current_context().service); }

TEST(host, each_application_listens_under_its_own_name) {
  const log_capture seen;
  logging::set_context_provider(name_service);
  runtime loops({.threads = 1});
  std::map<std::string, std::string> url_of;
  loops.run([&] {
    std::vector<std::unique_ptr<running_application>> all;
    for (const auto* name : {"orders", "pricing"}) {
      application_surroundings around{.system_loop = &loops.system_loop(), .workers = {&loops.loop(0)}};
      around.runtime = &loops;
      around.urls = {"http://127.0.0.1:0"};
      all.push_back(std::make_unique<running_application>(application(name).add(module(name)).release(), std::move(around)));
    }
    for (const auto& each : all) each->prepare();
    for (const auto& each : all) each->consume();
    for (const auto& each : all) each->start();
    EXPECT_EQ(current_context().service, "") << "the host itself is none of them";
    for (const auto& each : all) url_of[each->name()] = each->addresses().at(0).url();
    shutdown_plan plan;
    for (const auto& each : all) each->plan_shutdown(plan);
    plan.run([](std::string_view, const std::string&) {});
    all.clear();
  });
  std::map<std::string, std::string> told;
  for (const auto& each : seen.records()) {
    if (each.message.starts_with("listening on ")) told[std::get<std::string>(each.context.at(0).value)] = each.message.substr(13);
  }
  EXPECT_EQ(told, url_of);
}

}  // namespace
