/// Prints every setting the product reads, a line each, tab-separated: section, key, type, default, and the struct and member that hold it.
/// scripts/checks/configuration_reference.py adds what the headers say of the members and makes docs/configuration.md of it.

#include <iostream>

#include <mamey/core/json.hpp>
#include <mamey/core/text.hpp>
#include <mamey/host/detail/options.hpp>
#include <mamey/http/client.hpp>
#include <mamey/messaging/options.hpp>
#include <mamey/messaging/rabbitmq/options.hpp>
#include <mamey/observability/logging.hpp>
#include <mamey/persistence/postgres/options.hpp>
#include <mamey/persistence/sqlite/options.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/scheduling/options.hpp>
#include <mamey/web/openapi.hpp>
#include <mamey/web/server.hpp>

namespace {

using mamey::shape;
using mamey::type_model;

bool is_duration(const type_model& type) { return type.kind == shape::scalar && type.key->name.find("duration") != std::string_view::npos; }

std::string type_name(const type_model& type) {
  switch (type.kind) {
    case shape::boolean:
      return "boolean";
    case shape::integer:
    case shape::unsigned_integer:
      return "integer";
    case shape::real:
      return "number";
    case shape::text:
      return "text";
    case shape::enumeration: {
      std::string names;
      for (const auto& each : type.enumerators) names += (names.empty() ? "" : ", ") + std::string(each.wire_name);
      return "one of " + names;
    }
    case shape::list:
      return "list of " + type_name(type.element());
    case shape::dictionary:
      return "name ⇒ " + type_name(type.element());
    case shape::optional:
      return type_name(type.element()) + ", or nothing";
    case shape::object:
      return "section";
    case shape::scalar:
      return is_duration(type) ? "duration" : std::string(type.format);
  }
  return {};
}

void print(const std::string& section, const std::string& path, const type_model& type, const void* object) {
  for (const auto& member : type.members) {
    const auto& held = member.type();
    const void* value = static_cast<const std::byte*>(object) + member.offset;
    const auto key = path + std::string(member.wire_name);
    if (held.kind == shape::object) {
      print(section, key + ":", held, value);
      continue;
    }
    if (held.kind == shape::dictionary && held.element().kind == shape::object) {
      std::cout << section << '\t' << key << '\t' << type_name(held) << '\t' << "{}" << '\t' << type.key->name << '\t' << member.name
                << '\n';
      const auto& element = held.element();
      void* entry = held.insert(const_cast<void*>(value), "NAME");
      print(section, key + ":NAME:", element, entry);
      continue;
    }
    std::string shown;
    mamey::json::write(shown, held, value);
    std::cout << section << '\t' << key << '\t' << type_name(held) << '\t' << shown << '\t' << type.key->name << '\t' << member.name
              << '\n';
  }
}

template <class Options>
void print(const std::string& section) {
  const Options defaults{};
  print(section, "", mamey::model_of<Options>(), &defaults);
}

}  // namespace

int main() {
  print<mamey::app_options>("app");
  print<mamey::configuration_layer_options>("configurationLayers");
  print<mamey::http::client_options>("httpClient");
  print<mamey::job_settings>("jobs:NAME");
  print<mamey::log_options>("logger");
  print<mamey::management_options>("management");
  print<mamey::messaging_options>("messaging");
  print<mamey::metrics_options>("metrics");
  print<mamey::outbox_options>("outbox");
  print<mamey::rabbitmq_options>("rabbitMq");  // bus_naming_options, which every transport receives, are keys of it
  print<mamey::runtime_options>("runtime");
  print<mamey::web::server_options>("server");
  print<mamey::shutdown_options>("shutdown");
  print<mamey::persistence_options>("persistence");
  print<mamey::postgres_options>("postgres");
  print<mamey::prometheus_options>("prometheus");
  print<mamey::sqlite_options>("sqlite");
  print<mamey::web::documentation_options>("swagger");
}
