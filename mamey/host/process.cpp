#include <mamey/host/detail/process.hpp>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <functional>
#include <initializer_list>
#include <iostream>
#include <new>
#include <string>
#include <system_error>

#include <mamey/core/configuration.hpp>
#include <mamey/core/error.hpp>
#include <mamey/domain/message.hpp>
#include <mamey/host/detail/arguments.hpp>
#include <mamey/host/detail/inherited.hpp>
#include <mamey/host/detail/logger_section.hpp>
#include <mamey/host/detail/memory_keeper.hpp>
#include <mamey/host/detail/settings.hpp>
#include <mamey/host/running_application.hpp>
#include <mamey/messaging/in_process_transport.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/observability/logging.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/metrics.hpp>
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

/// Port, configuration and files of an application go by its name.
void refuse_namesakes(std::vector<std::string> names) {
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  if (twice != names.end())
    throw internal_error(
        "name_taken",
        "two applications of this host are called {}: they would share port, settings and database; give each a name of its own", *twice);
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

/// Whether the configuration says at `prefix` where .NET's host would listen.
bool names_urls(const configuration& values, const std::string& prefix) {
  return std::ranges::any_of(std::initializer_list<const char*>{"urls", "http_ports", "https_ports", "Kestrel:Endpoints"},
                             [&](const char* key) { return values.contains(prefix + key); });
}

/// One address for the management of all of them.
void refuse_shared_management(const configuration& values, const std::string& first) {
  for (const auto& each : values.keys("management:urls")) {
    const auto key = "management:urls:" + each;
    if (values.find(key).value_or("").ends_with(":0")) continue;
    throw configuration_error(
        {{.origin = values.origin(key),
          .key = key,
          .message = "this program runs several applications, which cannot share an address: say it below each one's name, " + first + ":" +
                     key}});
  }
}

/// The applications of this process, between start and end.
class running_process {
 public:
  running_process(std::vector<std::unique_ptr<application_definition>> definitions, process_arguments arguments,
                  loaded_configuration loaded, runtime& loops)
      : several_(definitions.size() > 1),
        definitions_(std::move(definitions)),
        arguments_(std::move(arguments)),
        loaded_(std::move(loaded)),
        loops_(loops) {}

  /// Serves until a signal. Throws when the start is refused; what had started is stopped then.
  void run(signal_watcher& signals) {
    try {
      until_signalled(signals, [&] {  // it may wait for a database that is away, or for a layer of the configuration
        compose();
        refuse_unhandled();
        warn_of_untaken_commands();
        for (const auto& each : applications_) {
          each->start_management();
          for (const auto& address : each->management_addresses()) announce(each->name() + " is managed on " + address.url());
        }
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
      stop_what_started();
      throw;
    }
    stop();
  }

 private:
  /// The reader of stdout may have stopped: the loop does not wait for it.
  static void announce(const std::string& line) {
    run_blocking([&line] { return logging::announce(line); });
  }

  void compose() {
    std::shared_ptr<transport> shared;
    if (several_) shared = std::make_shared<in_process_transport>(loops_.system_loop());
    if (several_ && names_urls(loaded_.values, "")) {
      log.warning(
          "where to listen (urls, http_ports, Kestrel:Endpoints) is asked for once, but this program runs several applications: say it "
          "below each one's name, {name}:urls",
          definitions_.front()->name);
    }
    if (several_) refuse_shared_management(loaded_.values, definitions_.front()->name);
    const auto names = names_of(definitions_);
    for (auto& each : definitions_) {
      application_surroundings around{.runtime = &loops_,
                                      .system_loop = &loops_.system_loop(),
                                      .workers = workers_of(loops_),
                                      .configuration = loaded_.values.for_application(each->name),
                                      .data_directory = arguments_.data,
                                      .asks_for_urls = !several_ || names_urls(loaded_.values, each->name + ":"),
                                      .shared_transport = shared,
                                      .neighbours = names,
                                      .environment_name = loaded_.environment};
      if (const auto port = arguments_.ports.find(each->name); port != arguments_.ports.end()) around.urls = {"http://*:" + port->second};
      applications_.push_back(std::make_unique<running_application>(std::move(each), std::move(around)));
    }
  }

  /// What code of this program sends within the process, and nobody here would take. A program may have code of modules that it does not run; it says so.
  void refuse_unhandled() const {
    std::string missing;
    for (const auto* message : detail::dispatched_messages()) {
      if (std::ranges::any_of(applications_, [&](const auto& each) { return each->handles(*message); })) continue;
      missing.append(missing.empty() ? "" : ", ").append(message->name);
    }
    if (missing.empty()) return;
    if (std::ranges::any_of(applications_, [](const auto& each) { return each->allows_unhandled(); }))
      log.warning(
          "code of this program sends or asks {messages}, but no application here handles that: list a handler with .commands<…>() or "
          ".queries<…>()",
          missing);
    else
      throw internal_error("no_handler",
                           "code of this program sends or asks {}, but no application here handles that: list a handler with "
                           ".commands<…>() or .queries<…>(); where the code is of a module that does not run, set app:allowUnhandled",
                           missing);
  }

  /// Only logged: another process may bind to the exchange.
  void warn_of_untaken_commands() const {
    for (const auto* command : detail::sent_messages()) {
      if (std::ranges::any_of(applications_, [&](const auto& each) { return each->is_subscribed(*command); })) continue;
      const auto own = std::ranges::find_if(applications_, [&](const auto& each) { return each->goes_to_own_exchange(*command); });
      if (own == applications_.end()) continue;  // another service's exchange: it may take it
      log.warning(
          "code of this program sends {command} with publisher::send to the exchange of {application}, but no application of this process "
          "takes it from the bus: list its handler with .commands<…>() and say "
          ".subscribes<{command}>(), or name the exchange of the service that takes it",
          command->name, (*own)->name(), command->name);
    }
  }

  void introduce() {
    for (const auto& each : applications_) {
      for (const auto& address : each->addresses()) {
        if (!address.host.starts_with("unix:")) {  // our client speaks TCP
          for (const auto& other : applications_) other->set_neighbour(each->name(), address.local_url());
        }
        announce(each->name() + " listens on " + address.url());
      }
    }
  }

  /// Memory may lack for the ordered way down, too: then what has started ends with its owners.
  void stop_what_started() {
    try {
      stop();
    } catch (const std::bad_alloc&) {
      applications_.clear();
    }
  }

  void stop() {
    const masked_section undisturbed(std::chrono::minutes(5));
    shutdown_plan plan;
    for (auto* each : started_) each->plan_shutdown(plan);
    plan.run([](std::string_view step, const std::string& error) {
      if (error.empty())
        log.debug("{step}: done", step);
      else
        log.error("{step} failed while stopping: {error}", step, error);
    });
    applications_.clear();
  }

  bool several_;
  std::vector<std::unique_ptr<application_definition>> definitions_;  ///< taken over by `compose`
  process_arguments arguments_;
  loaded_configuration loaded_;
  runtime& loops_;
  std::vector<std::unique_ptr<running_application>> applications_;
  std::vector<running_application*> started_;
};

int serve(std::vector<std::unique_ptr<application_definition>> definitions, process_arguments arguments, signal_watcher& signals) {
  const auto variables = process_variables();
  auto loaded = load_configuration({.directory = ".", .arguments = arguments.settings, .variables = variables});
  logging::set_context_provider(describe_context);
  std::vector<configuration_problem> fallbacks;
  logging::configure(read_logger_section(loaded.values, fallbacks));
  runtime loops(loaded.values.bind<runtime_options>("runtime"));
  const auto shown = show_loops(metrics::process(), loops);
  if (!arguments.environment.empty() && arguments.environment != loaded.environment) {
    log.warning(
        "--environment {asked} has no effect: a variable says {environment}, as it does for .NET's host (MAMEY_ENVIRONMENT, "
        "ASPNETCORE_ENVIRONMENT)",
        arguments.environment, loaded.environment);
  }
  warn_of(fallbacks);
  warn_of(loaded.values.warnings());
  loops.run([&] {
    const memory_keeper memory(loops.system_loop());
    running_process process(std::move(definitions), std::move(arguments), std::move(loaded), loops);
    process.run(signals);
  });
  return 0;
}

thread_local bool lacked_memory = false;

[[noreturn]] void note_that_memory_lacks() {
  lacked_memory = true;
  throw std::bad_alloc();
}

/// Requests are refused while memory is short. Where it fails in the middle of something else, ending is the safe way out. Nothing is torn
/// down: what runs may use it.
[[noreturn]] void end_without_memory() noexcept {
  // Of an exception that leaves a noexcept function nobody can say which it is.
  const bool unknown = !std::current_exception();
  if (unknown && (std::uncaught_exceptions() == 0 || !lacked_memory)) __gnu_cxx::__verbose_terminate_handler();
  try {
    if (unknown) throw std::bad_alloc();
    throw;
  } catch (const std::bad_alloc&) {
    logging::print_error(
        "the process ends for want of memory: what was acknowledged is kept, and unfinished work is done again after the start\n");
    std::_Exit(1);
  } catch (...) {  // not banned: the process ends, with the runtime library's words
    __gnu_cxx::__verbose_terminate_handler();
  }
  std::abort();
}

int tell_of_memory(const std::string& name) noexcept {
  logging::print_error(name);
  logging::print_error(": out of memory: see the limits of the process (ulimit -v, memory of its control group)\n");
  return 1;
}

/// What `serve` returns; 1, with the reason on stderr, when it throws. The log is written out then.
int ended_well(const std::string& name, const std::function<int()>& serve) {
  std::string reasons;
  int code = 1;
  try {
    code = serve();
  } catch (const validation_error& refused) {
    for (const auto& each : refused.violations()) reasons += name + ": " + each.path + ": " + each.message + "\n";
  } catch (const std::bad_alloc&) {
    logging::stop();
    return tell_of_memory(name);
  } catch (const std::system_error& refused) {
    reasons = name + ": " + refused.what() + "\n";
    if (refused.code() == std::errc::resource_unavailable_try_again)  // of std::thread, which names nothing
      reasons =
          name +
          ": the system gives no further thread: see the limits of the process (ulimit -u and -v, pids and memory of its control group)\n";
  } catch (const std::exception& refused) {
    reasons = name + ": " + refused.what() + "\n";
  }
  logging::stop();
  if (!reasons.empty()) logging::print_error(reasons);
  return code;
}

}  // namespace

int run_process(const std::string& of, const std::function<std::vector<std::unique_ptr<application_definition>>()>& release, int argc,
                char** argv) {
  std::set_terminate(&end_without_memory);
  if (std::get_new_handler() == nullptr) std::set_new_handler(&note_that_memory_lacks);
  std::string name;
  try {
    name = of;
    auto applications = release();
    const auto names = names_of(applications);
    refuse_namesakes(names);
    auto arguments = parse_arguments(argc, argv, names);
    if (arguments.help) {
      std::cout << usage(name, names);
      return 0;
    }
    detail::tidy_inherited();
    signal_watcher signals;  // before any thread exists: they inherit its mask; until the log is out: a second signal ends that, too
    return ended_well(name, [&] { return serve(std::move(applications), std::move(arguments), signals); });
  } catch (const std::bad_alloc&) {
    return tell_of_memory(name);
  } catch (const std::exception& refused) {
    logging::print_error(name + ": " + refused.what() + "\n");
  }
  return 1;
}

}  // namespace mamey::inline v1
