#include <mamey/host/detail/service_resolution.hpp>

#include <utility>

#include <mamey/core/configuration.hpp>
#include <mamey/core/error.hpp>
#include <mamey/core/text.hpp>
#include <mamey/http/client.hpp>
#include <mamey/observability/health.hpp>
#include <mamey/observability/log.hpp>

namespace mamey::inline v1 {
namespace {

const logger log{"mamey.host"};

constexpr std::string_view type_setting = "httpClient:type";

void degrade(const std::string& type, const environment& around) {
  const auto missing =
      "httpClient:type is " + type +
      ", which is not there yet: services are called at the addresses of httpClient:services, and a name in them is looked up in DNS";
  log.warning("{application}: {problem} ({origin})", around.application, missing, around.configuration->origin(type_setting));
  around.health->add({.name = "httpClient", .importance = health::importance::degrading, .check = [missing] {
                        return health::result{.status = health::status::degraded, .message = missing};
                      }});
}

}  // namespace

void choose_resolver(const feature_doors& doors, const std::string& type, const environment& around) {
  if (type.empty()) return;
  std::string known = "consul, fabio";
  for (const auto& each : doors.resolvers) {
    if (equal_ignoring_case(each.name, type)) {
      auto resolver = each.function(around);
      if (!resolver) throw internal_error("feature_incomplete", "the resolver {} has made no function", each.name);
      if (around.client) around.client->set_resolver(each.name, std::move(resolver));
      return;
    }
    known += ", " + each.name;
  }
  if (equal_ignoring_case(type, "consul") || equal_ignoring_case(type, "fabio")) return degrade(type, around);
  throw configuration_error({{.origin = around.configuration->origin(type_setting),
                              .key = std::string(type_setting),
                              .message = "expected " + known + " or nothing, got \"" + type + '"'}});
}

}  // namespace mamey::inline v1
