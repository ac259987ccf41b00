#pragma once

/// Routes that are neither command nor query, work in the background, steps of the stop.

#include <atomic>
#include <chrono>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>

#include <mamey/core/configuration.hpp>
#include <mamey/feature/composition.hpp>
#include <mamey/http/message.hpp>
#include <mamey/observability/metrics.hpp>
#include <mamey/runtime/fiber.hpp>

namespace acme {

// snippet page
struct pages {
  void install(mamey::composition& into) const {
    into.add_route({.pattern = "/acme", .name = "acme page", .make = page("everybody"), .documented = true});
    into.add_route({.pattern = "/acme/members",
                    .name = "acme members",
                    .make = page("members"),
                    .guard = {.access = mamey::requires_authenticated()}});
    into.add_route(
        {.pattern = "/acme/operator", .name = "acme operator", .make = page("the operator"), .guard = {.management_only = true}});
  }

 private:
  static std::function<mamey::request_function(const mamey::environment&)> page(std::string whom) {
    return [whom](const mamey::environment& around) -> mamey::request_function {
      return [text = around.application + " for " + whom](mamey::http::request&, mamey::http::response& response) {
        response.set_body("text/plain", text);
      };
    };
  }
};
// end page

// snippet ticker
/// Counts ten times a second.
struct ticker {
  void install(mamey::composition& into) const {
    auto failures = std::make_shared<std::atomic<int>>(0);
    into.run_in_background("acme ticker", [failures](const mamey::environment& around) {
      auto& ticks = around.metrics->make_counter("acme_ticks_total", "Ticks of acme.");
      for (;; mamey::sleep_for(std::chrono::milliseconds(100))) {  // throws `cancelled` at the stop
        ticks.increment();
        const auto wanted = around.configuration->find("acmeTicker:failures").value_or("0");
        if (failures->fetch_add(1) < std::stoi(wanted)) throw std::runtime_error("the ticker stumbled");
      }
    });
  }
};
// end ticker

/// Leaves traces of the stop in a file; some steps misbehave.
struct farewell {
  void install(mamey::composition& into) const {
    into.on_stop(mamey::shutdown_stage::deregister, "acme broken",
                 [](const mamey::environment&) { throw std::runtime_error("the registry is away"); });
    into.on_stop(mamey::shutdown_stage::deregister, "acme slow",
                 [](const mamey::environment&) { mamey::sleep_for(std::chrono::hours(1)); });
    into.on_stop(mamey::shutdown_stage::deregister, "acme deregister", [](const mamey::environment& around) {
      if (const auto file = around.configuration->find("acmeFarewell:file"))
        std::ofstream(*file) << "goodbye from " << around.addresses.at(0) << '\n';
    });
  }
};

/// `acmeStubborn:enabled`: work that nobody can cancel.
struct stubborn {
  void install(mamey::composition& into) const {
    into.run_in_background("acme stubborn", [](const mamey::environment& around) {
      if (!around.configuration->contains("acmeStubborn:enabled")) return;
      const mamey::masked_section deaf(std::chrono::minutes(10));
      mamey::sleep_for(std::chrono::minutes(10));
    });
  }
};

}  // namespace acme
