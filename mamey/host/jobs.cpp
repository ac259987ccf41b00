#include <mamey/host/detail/jobs.hpp>

#include <algorithm>
#include <set>

#include <mamey/core/error.hpp>
#include <mamey/core/suggestion.hpp>
#include <mamey/host/detail/endpoints.hpp>
#include <mamey/host/detail/settings.hpp>
#include <mamey/runtime/active_span.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/scheduling/options.hpp>

namespace mamey::inline v1 {
namespace {

constexpr std::string_view section = "jobs";

std::string section_of(const job_definition& job) { return std::string(section) + ":" + job.name; }

/// What the configuration says; where that is wrong, it is named, else the declaration.
schedule schedule_of(const job_definition& job, const job_settings& settings, const configuration& values) {
  const auto key = [&](std::string_view member) { return section_of(job) + ":" + std::string(member); };
  const bool has_cron = !settings.cron.empty(), has_interval = settings.every.count() != 0, has_zone = !settings.zone.empty();
  const auto refuse = [&](const std::string& at, const std::string& sentence) {
    throw configuration_error({{.origin = values.origin(at), .key = at, .message = sentence}});
  };
  if (has_cron && has_interval) refuse(key("every"), "expected either cron or every, not both");
  const auto& expression = has_cron ? settings.cron : job.cron;
  const auto& zone = has_zone ? settings.zone : job.zone;
  const bool by_interval = has_interval || expression.empty();
  if (by_interval && has_zone) refuse(key("zone"), "an interval has no time zone: set cron, too");
  if (has_cron && zone.empty()) refuse(key("cron"), "needs a time zone beside it: zone");
  try {
    if (by_interval) return schedule::every(has_interval ? settings.every : job.every);
    return schedule::cron(expression, zone);
  } catch (const error& malformed) {
    const auto at = key(has_interval ? "every" : has_cron ? "cron" : "zone");
    if (has_interval || has_cron || has_zone) refuse(at, malformed.reason());
    throw internal_error("invalid_schedule", "job {job}: {reason}", job.name, malformed.reason());
  }
}

/// The handler of a command of this application; null: the message goes to the bus.
const handler_entry* handler_of(const job_definition& job, const application_definition& application, const handler_registry& handlers) {
  const auto& info = *job.what.info;
  if (!job.what.is_command) return nullptr;
  const auto* const handler = handlers.command_or_query(*info.key);
  if (!handler) {
    if (*info.options.exchange != '\0') return nullptr;
    throw internal_error("no_handler",
                         "job {job} sends {message}, which has no handler in application {application}: list it with .commands<…>(), or "
                         "name the exchange of the service that handles it",
                         job.name, info.name, application.name);
  }
  if (handler->kind != handler_kind::command)
    throw internal_error("invalid_job", "job {job} sends {message}, which is a query: a job sends a command or publishes an event",
                         job.name, info.name);
  if (info.access.authenticated) {
    throw internal_error("invalid_job",
                         "job {job} sends {message}, which its access rule allows to certain users only, and a job has no user: send a "
                         "command without access()",
                         job.name, info.name);
  }
  if (handler->result && !handlers.is_subscribed(info))
    throw internal_error("invalid_job",
                         "job {job} sends {message}, whose handler {handler} returns a result that nobody waits for: let it return void",
                         job.name, info.name, handler->name);
  return handler;
}

std::function<void(const occurrence&, change_set&)> recorder_of(const job_definition& job, const handler_entry* handler,
                                                                const outgoing_rules& rules) {
  return [what = job.what, to = handler ? handler->name : std::string(), rules](const occurrence& due, change_set& changes) {
    const context_scope fresh({.service = rules.service});
    const tracing::active_span span("job " + due.job, tracing::span_kind::internal);  // its trace begins here
    auto made = what.make(due);
    made.is_command = made.is_command && to.empty();
    auto message = make_envelope(made, rules);
    message.id = message_id_of(due);
    message.correlation_id = message.id;
    if (to.empty()) {
      changes.outbox.push_back(std::move(message));
      return;
    }
    delayed_message row{.id = message.id, .subscription = to, .message = {}, .first_failed_at = {}, .last_error = {}};
    row.message = std::move(message);
    changes.delayed.push_back(std::move(row));
  };
}

void check_surroundings(const job_definition& job, const application_definition& application, bool has_store) {
  if (!has_store)
    throw internal_error(
        "no_store",
        "job {job} needs a store to keep its next time, but application {application} has none; add one, e.g. .add(mamey::sqlite())",
        job.name, application.name);
  if (!application.uses_messaging)
    throw internal_error("no_messaging",
                         "job {job} sends {message}, but application {application} has no messaging; add it: .add(mamey::messaging())",
                         job.name, job.what.info->name, application.name);
}

void warn_of_unknown_jobs(const std::vector<recurring_job>& jobs, const configuration& values) {
  std::vector<configuration_problem> unknown;
  std::vector<std::string_view> names;
  for (const auto& each : jobs) names.emplace_back(each.name);
  for (const auto& each : values.keys(section)) {
    if (std::ranges::any_of(names, [&](std::string_view name) { return equal_ignoring_case(name, each); })) continue;
    const auto key = std::string(section) + ":" + each;
    unknown.push_back(
        {.origin = values.origin(key), .key = key, .message = "no module declares a job of this name" + suggestion(each, names)});
  }
  warn_of(unknown);
}

}  // namespace

std::vector<recurring_job> jobs_of(const application_definition& of, const handler_registry& handlers, const configuration& values,
                                   const outgoing_rules& rules, bool has_store) {
  std::vector<recurring_job> jobs;
  configuration_report report;
  std::set<std::string> names;
  for (const auto& part : of.modules) {
    for (const auto& each : part.jobs) {
      check_surroundings(each, of, has_store);
      if (each.name.empty() || each.name.size() > 200 || each.name.find(':') != each.name.npos)
        throw internal_error("invalid_job", "{module} has a job with the name \"{job}\", expected 1 to 200 characters without a colon",
                             place_of(part.name), each.name);
      if (!names.insert(each.name).second)
        throw internal_error("name_taken",
                             "application {application} has two jobs called {job}: give one of them another name, `{{.name = \"…\"}}`",
                             of.name, each.name);
      job_settings settings;
      const auto errors = report.errors.size();
      values.bind(section_of(each), settings, report);
      if (report.errors.size() > errors) continue;
      jobs.push_back({.name = each.name,
                      .when = schedule_of(each, settings, values),
                      .missed = settings.missed.value_or(each.options.missed),
                      .tolerance = each.options.tolerance,
                      .enabled = settings.enabled,
                      .record = recorder_of(each, handler_of(each, of, handlers), rules)});
    }
  }
  report.throw_if_any();
  warn_of(report.warnings);
  warn_of_unknown_jobs(jobs, values);
  return jobs;
}

}  // namespace mamey::inline v1
