#include <mamey/host/detail/process.hpp>

#include <cstdio>
#include <iostream>

#include <mamey/core/configuration.hpp>
#include <mamey/host/detail/arguments.hpp>
#include <mamey/host/detail/statistics.hpp>
#include <mamey/host/running_application.hpp>
#include <mamey/messaging/in_process_transport.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/observability/logging.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/shutdown.hpp>

namespace mamey::inline v1 {
namespace {

const logger log{"mamey.host"};

/// Log lines say for whom they were written.
void describe_context(log_context& line) {
  const auto& context = current_context();
  if (!context.service.empty()) line.add("service", context.service);
  if (!context.correlation_id.empty()) line.add("correlationId", context.correlation_id);
  if (context.trace.valid()) line.add("traceId", context.trace.trace_id_text());
  if (context.user) line.add("user", context.user->id);
  if (!context.tenant.empty()) line.add("tenant", context.tenant);
}

std::vector<std::string> names_of(const std::vector<std::unique_ptr<application_definition>>& applications) {
  std::vector<std::string> names;
  for (const auto& each : applications) names.push_back(each->name);
  return names;
}

std::vector<event_loop*> workers_of(runtime& loops) {
  std::vector<event_loop*> workers;
  for (std::size_t i = 0; i < loops.loops(); ++i) workers.push_back(&loops.loop(i));
  return workers;
}

struct stopped_while_starting {};

/// Calls `body`, which is cancelled when a signal arrives meanwhile; then throws `stopped_while_starting`.
void until_signalled(signal_watcher& signals, const std::function<void()>& body) {
  with_scope([&](task_scope& scope) {
    scope.spawn("signals", [&] {
      signals.wait();
      throw stopped_while_starting();
    });
    body();
    scope.cancel();
  });
}

/// The applications of this process, between start and end.
class running_process {
 public:
  running_process(std::vector<std::unique_ptr<application_definition>> definitions, process_arguments arguments, loaded_configuration loaded, runtime& loops)
      : several_(definitions.size() > 1) {
    std::shared_ptr<transport> shared;
    if (several_) shared = std::make_shared<in_process_transport>(loops.system_loop());
    for (auto& each : definitions) {
      application_surroundings around{.runtime = &loops,
                                      .system_loop = &loops.system_loop(),
                                      .workers = workers_of(loops),
                                      .configuration = loaded.values.for_application(each->name),
                                      .data_directory = arguments.data,
                                      .urls = arguments.urls,
                                      .shared_transport = shared,
                                      .environment_name = loaded.environment};
      if (const auto port = arguments.ports.find(each->name); port != arguments.ports.end()) around.urls = {"http://*:" + port->second};
      applications_.push_back(std::make_unique<running_application>(std::move(each), std::move(around)));
    }
  }

  /// Serves until a signal. Throws when the start is refused; what had started is stopped then.
  void run(signal_watcher& signals) {
    try {
      until_signalled(signals, [&] {  // it may wait for a database that is away
        for (const auto& each : applications_) each->prepare();
      });
      for (const auto& each : applications_) {
        started_.push_back(each.get());  // what has begun is stopped, too
        each->consume();
      }
      for (const auto& each : applications_) each->start();
      introduce();
      signals.wait();
      log.info("stopping: a second signal ends the process at once");
    } catch (const stopped_while_starting&) {
      log.info("stopping: the start had not ended");
    } catch (...) {
      stop();
      throw;
    }
    stop();
  }

 private:
  void introduce() {
    for (const auto& each : applications_) {
      for (const auto& address : each->addresses()) {
        for (const auto& other : applications_) other->set_neighbour(each->name(), address.url());
        // One write: the log writes to the same place.
        std::cout << each->name() + " listens on " + address.url() + "\n" << std::flush;
      }
    }
  }

  void stop() {
    const masked_section undisturbed(std::chrono::minutes(5));
    shutdown_plan plan;
    for (auto* each : started_) each->plan_shutdown(plan);
    plan.run([](std::string_view step, const std::string& error) {
      if (error.empty()) log.debug("{step}: done", step);
      else log.error("{step} failed while stopping: {error}", step, error);
    });
    applications_.clear();
  }

  bool several_;
  std::vector<std::unique_ptr<running_application>> applications_;
  std::vector<running_application*> started_;
};

int serve(std::vector<std::unique_ptr<application_definition>> definitions, process_arguments arguments) {
  signal_watcher signals;  // before any thread exists: they inherit its mask
  const auto variables = process_variables();
  auto loaded = load_configuration({.directory = ".", .environment = arguments.environment, .arguments = arguments.settings, .variables = variables});
  logging::set_context_provider(describe_context);
  logging::configure(loaded.values.bind<log_options>("logger"));
  runtime loops(loaded.values.bind<runtime_options>("runtime"));
  const auto shown = show_loops(metrics::process(), loops);
  for (const auto& each : loaded.values.warnings()) log.warning("{problem}", to_string(each));
  loops.run([&] {
    running_process process(std::move(definitions), std::move(arguments), std::move(loaded), loops);
    process.run(signals);
  });
  return 0;
}

}  // namespace

int run_process(const std::string& name, std::vector<std::unique_ptr<application_definition>> applications, int argc, char** argv) {
  try {
    const auto names = names_of(applications);
    auto arguments = parse_arguments(argc, argv, names);
    if (arguments.help) {
      std::cout << usage(name, names);
      return 0;
    }
    const auto code = serve(std::move(applications), std::move(arguments));
    logging::stop();
    return code;
  } catch (const validation_error& refused) {
    logging::stop();
    for (const auto& each : refused.violations()) std::fprintf(stderr, "%s: %s: %s\n", name.c_str(), each.path.c_str(), each.message.c_str());
  } catch (const std::exception& refused) {
    logging::stop();
    std::fprintf(stderr, "%s: %s\n", name.c_str(), refused.what());
  }
  return 1;
}

}  // namespace mamey::inline v1
