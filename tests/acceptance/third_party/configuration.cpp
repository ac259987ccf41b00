#include "configuration.hpp"

#include <atomic>
#include <chrono>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <mamey/core/configuration.hpp>
#include <mamey/feature/composition.hpp>
#include <mamey/runtime/fiber.hpp>

namespace acme {
namespace {

std::vector<mamey::configured_value> read(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<mamey::configured_value> values;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    const auto equals = line.find('=');
    if (equals != std::string::npos)
      values.push_back({.key = line.substr(0, equals), .value = line.substr(equals + 1), .origin = path + ":" + std::to_string(number)});
  }
  return values;
}

}  // namespace

// snippet layer
void file_layer::install(mamey::composition& into) const {
  into.add_configuration("acme file", [](const mamey::environment& around) {
    const auto path = around.configuration->find("acmeLayer:file");
    return path ? mamey::run_blocking([&] { return read(*path); }) : std::vector<mamey::configured_value>{};
  });
  into.run_in_background("acme file", [](const mamey::environment& around) {
    const auto path = around.configuration->find("acmeLayer:file");
    for (; path; mamey::sleep_for(std::chrono::milliseconds(100)))
      around.changes->publish("acme file", mamey::run_blocking([&] { return read(*path); }));
  });
}
// end layer

// snippet resolver
void phonebook::install(mamey::composition& into) const {
  into.resolve_services("phonebook", [](const mamey::environment& around) -> mamey::http::address_resolver {
    return [values = around.configuration, turn = std::make_shared<std::atomic<unsigned>>(0)](std::string_view service) -> std::string {
      const auto section = "phonebook:" + std::string(service);
      const auto instances = values->keys(section);
      if (instances.empty()) return {};
      return *values->find(section + ":" + instances[turn->fetch_add(1) % instances.size()]);
    };
  });
}
// end resolver

}  // namespace acme
