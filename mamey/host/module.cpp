#include <mamey/host/module.hpp>

#include <mamey/core/error.hpp>
#include <mamey/core/json.hpp>
#include <mamey/host/definition.hpp>

namespace mamey::inline v1 {

module::module(std::string name) :definition_(std::make_unique<module_definition>()) { definition_->name = std::move(name); }
module::module(module&&) noexcept = default;
module& module::operator=(module&&) noexcept = default;
module::~module() = default;

module&& module::services(std::function<void(mamey::services&)> add) {
  definition_->registrations.push_back(std::move(add));
  return std::move(*this);
}

void module::add_options(options_definition wanted) { definition_->options.push_back(std::move(wanted)); }

void module::refuse(std::exception_ptr reason) noexcept {
  if (!definition_->refused) definition_->refused = std::move(reason);
}

void module::add(handler_entry entry) {
  if (entry.register_class) definition_->registrations.push_back(entry.register_class);
  definition_->handlers.push_back(std::move(entry));
}

void module::add_route(http_method method, std::string pattern, const message_info& message, answer how) {
  definition_->endpoints.push_back(
      {.method = method, .pattern = std::move(pattern), .message = &message, .in_place = {}, .how = std::move(how)});
}

void module::add_in_place(http_method method, std::string pattern, handler_entry entry, answer how) {
  const auto* message = entry.message;
  definition_->endpoints.push_back({.method = method,
                                    .pattern = std::move(pattern),
                                    .message = message,
                                    .in_place = std::make_shared<handler_entry>(std::move(entry)),
                                    .how = std::move(how)});
}

void module::add_behaviour(void (*registration)(mamey::services&), behaviour_type& (*find)(service_provider&)) {
  definition_->registrations.emplace_back(registration);
  definition_->behaviours.emplace_back(find);
}

void module::add_map(event_mapping mapping) { definition_->mappings.push_back(std::move(mapping)); }
void module::add_rejected(rejection made) { definition_->rejections.push_back(std::move(made)); }
void module::subscribe(const message_info& command) { definition_->subscribed.push_back(&command); }
void module::order(const message_info& message) { definition_->ordered.push_back(&message); }

module&& module::rename(std::string_view handler, std::string earlier) {
  definition_->renamed.emplace_back(handler, std::move(earlier));
  return std::move(*this);
}

module&& module::add_failure_rule(failing what, std::string name, failure_rule rule) {
  return attempt([&] {
    if (!definition_->failures) definition_->failures = std::make_shared<failure_rules>();
    auto& all = *static_cast<failure_rules*>(definition_->failures.get());
    auto& named = what == failing::error_code ? all.error_codes : what == failing::handler ? all.handlers : all.message_types;
    if (!named.try_emplace(name, std::move(rule)).second)
      throw internal_error("failure_rule_taken", "module {} has two rules of on_failure for {}: put both into one", definition_->name,
                           name);
  });
}

void module::add_lift(const message_info& from, const message_info& to, std::shared_ptr<void> (*lift)(const void*)) {
  definition_->lifts.push_back(
      {.type = std::string(to.name), .from_version = from.options.version, .run = [&from, &to, lift](std::string_view body) {
         const auto earlier = from.make();
         if (auto wrong = json::read(body, *from.model, earlier.get()); !wrong.empty()) throw validation_error(std::move(wrong));
         std::string lifted;
         json::write(lifted, *to.model, lift(earlier.get()).get());
         return lifted;
       }});
}

void module::publish(const message_info& event) { definition_->published.push_back(&event); }

module&& module::every(std::chrono::seconds interval, job_message what, job_options options) {
  auto name = options.name.empty() ? std::string(what.info->name) : options.name;
  definition_->jobs.push_back(
      {.name = std::move(name), .cron = {}, .zone = {}, .every = interval, .what = std::move(what), .options = std::move(options)});
  return std::move(*this);
}

module&& module::cron(std::string expression, std::string zone, job_message what, job_options options) {
  auto name = options.name.empty() ? std::string(what.info->name) : options.name;
  definition_->jobs.push_back({.name = std::move(name),
                               .cron = std::move(expression),
                               .zone = std::move(zone),
                               .what = std::move(what),
                               .options = std::move(options)});
  return std::move(*this);
}

module&& module::filter(request_stage stage, std::string name, request_filter run) {
  definition_->doors.emplace_back([stage, name = std::move(name), run = std::move(run)](composition& into) {
    into.filter_requests(stage, name,
                         run ? [run](const environment&) { return run; } : std::function<request_filter(const environment&)>());
  });
  return std::move(*this);
}

module&& module::route(http_method method, std::string pattern, request_function answer, route_guard guard) {
  definition_->doors.emplace_back([method, pattern = std::move(pattern), answer = std::move(answer), guard](composition& into) {
    into.add_route(
        {.method = method, .pattern = pattern, .name = pattern, .make = [answer](const environment&) { return answer; }, .guard = guard});
  });
  return std::move(*this);
}

module&& module::add_background(std::string name, void (*run)(service_provider&)) {
  definition_->doors.emplace_back([name = std::move(name), run](composition& into) {
    into.run_in_background(name, [run](const environment& around) { run(*around.provider); });
  });
  return std::move(*this);
}

module&& module::on_stop(shutdown_stage stage, std::string name, std::function<void()> work) {
  definition_->doors.emplace_back([stage, name = std::move(name), work = std::move(work)](composition& into) {
    into.on_stop(stage, name, work ? [work](const environment&) { work(); } : std::function<void(const environment&)>());
  });
  return std::move(*this);
}

}  // namespace mamey::inline v1
