#include <mamey/messaging/bus_naming.hpp>

#include <optional>

#include <mamey/core/configuration.hpp>

namespace mamey::inline v1 {

bus_naming read_bus_naming(const configuration& values, const std::string& application, std::vector<configuration_problem>& remarks) {
  bus_naming_options options;
  configuration_report report;
  values.bind("rabbitMq", options, report);
  report.throw_if_any();  // what else stands there is the broker's: its unknown keys are not ours to name
  const bool given = values.is_given("rabbitMq");
  const auto assembly = values.find("app:assembly").value_or("");
  const auto casing = casing_of(options.conventions_casing, given);
  const std::string casing_key = "rabbitMq:conventionsCasing";
  if (!options.conventions_casing.empty() && casing != name_casing::snake_case)
    remarks.push_back(
        {.origin = values.origin(casing_key),
         .key = casing_key,
         .message = "\"" + options.conventions_casing + "\" means nothing: expected snakeCase; names are as written, as in .NET"});
  return {.names = {.assembly = assembly.empty() ? application : assembly,
                    .exchange = exchange_of(options.exchange.name, assembly, given, application, casing),
                    .queue_template = options.queue.template_,
                    .casing = casing,
                    // They were snake_case here before they were as in .NET.
                    .earlier_casing = given && options.conventions_casing.empty() ? std::optional(name_casing::snake_case) : std::nullopt,
                    .ignore_exchange = options.conventions.message_attribute.ignore_exchange,
                    .ignore_routing_key = options.conventions.message_attribute.ignore_routing_key,
                    .ignore_queue = options.conventions.message_attribute.ignore_queue},
          .with_context = options.context.enabled,
          .context_header = options.context.header,
          .span_context_header = options.span_context_header};
}

}  // namespace mamey::inline v1
