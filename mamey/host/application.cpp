#include <mamey/host/application.hpp>

#include <mamey/core/error.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/host/detail/process.hpp>

namespace mamey::inline v1 {
namespace {

template <class T, class Open>
void add_to(std::vector<offered<T>>& all, const std::string& application, std::string_view kind, engine what, Open open) {
  for (const auto& other : all) {
    const bool both_always = what.use == engine_use::always && other.what.use == engine_use::always;
    if (!both_always && what.name != other.what.name) continue;
    throw internal_error("feature_conflict", "application {} gets its {} from {} already; {} would be a second one{}", application, kind,
                         other.what.feature, what.feature,
                         what.name == other.what.name ? "" : " (mamey::engines() has several, of which the configuration chooses one)");
  }
  all.push_back({std::move(what), std::move(open)});
}

}  // namespace

void application_definition::use_store(engine what, std::function<std::unique_ptr<store>(const environment&)> open) {
  add_to(stores, name, "store", std::move(what), std::move(open));
}
void application_definition::offer_queues(std::string store, std::function<std::unique_ptr<durable_queues>(const environment&)> open) {
  auto feature = "of store " + store;
  add_to(queues, name, "durable queues", {.name = std::move(store), .feature = std::move(feature), .use = engine_use::when_configured},
         std::move(open));
}
void application_definition::use_transport(engine what, std::function<std::shared_ptr<transport>(const environment&)> open) {
  add_to(transports, name, "transport", std::move(what), std::move(open));
}

void application_definition::throw_if_refused() const {
  if (refused) std::rethrow_exception(refused);
  for (const auto& part : modules) {
    if (part.refused) std::rethrow_exception(part.refused);
  }
}

application::application(std::string name) : definition_(std::make_unique<application_definition>()) {
  definition_->name = std::move(name);
}
application::application(application&&) noexcept = default;
application& application::operator=(application&&) noexcept = default;
application::~application() = default;

/// What an author says at a door is refused as what a feature does.
void application::install(const std::function<void(composition&)>& at_door) {
  attempt([&] { at_door(parts()); });
}

application&& application::add(module&& part) {
  definition_->modules.push_back(std::move(part.definition()));
  for (const auto& each : definition_->modules.back().doors) install(each);
  return std::move(*this);
}

application&& application::services(std::function<void(mamey::services&)> add) {
  definition_->registrations.push_back(std::move(add));
  return std::move(*this);
}

void application::add_options(options_definition wanted) { definition_->options.push_back(std::move(wanted)); }

application&& application::setting(std::string key, std::string value) {
  definition_->settings.emplace_back(std::move(key), std::move(value));
  return std::move(*this);
}

void application::refuse(std::exception_ptr reason) noexcept {
  if (!definition_->refused) definition_->refused = std::move(reason);
}

std::unique_ptr<application_definition> application::release() { return std::move(definition_); }

composition& application::parts() noexcept { return *definition_; }

application&& application::in_place(module part) {
  definition_->modules.push_back(std::move(part.definition()));
  return std::move(*this);
}

application&& application::filter(request_stage stage, std::string name, request_filter around) {
  install([stage, name = std::move(name), around = std::move(around)](composition& into) {
    into.filter_requests(stage, name,
                         around ? [around](const environment&) { return around; } : std::function<request_filter(const environment&)>());
  });
  return std::move(*this);
}

application&& application::route(http_method method, std::string pattern, request_function answer, route_guard guard) {
  install([method, pattern = std::move(pattern), answer = std::move(answer), guard](composition& into) {
    into.add_route(
        {.method = method, .pattern = pattern, .name = pattern, .make = [answer](const environment&) { return answer; }, .guard = guard});
  });
  return std::move(*this);
}

application&& application::add_background(std::string name, void (*work)(service_provider&)) {
  install([name = std::move(name), work](composition& into) {
    into.run_in_background(name, [work](const environment& around) { work(*around.provider); });
  });
  return std::move(*this);
}

application&& application::on_stop(shutdown_stage stage, std::string name, std::function<void()> work) {
  install([stage, name = std::move(name), work = std::move(work)](composition& into) {
    into.on_stop(stage, name, work ? [work](const environment&) { work(); } : std::function<void(const environment&)>());
  });
  return std::move(*this);
}

int application::run(int argc, char** argv) {
  const auto release = [this] {
    std::vector<std::unique_ptr<application_definition>> one;
    one.push_back(std::move(definition_));
    return one;
  };
  return run_process(definition_->name, release, argc, argv);
}

int host::run(int argc, char** argv) {
  const auto release = [this] {
    std::vector<std::unique_ptr<application_definition>> all;
    for (auto& each : applications_) all.push_back(std::move(each).release());
    return all;
  };
  return run_process(name_, release, argc, argv);
}

}  // namespace mamey::inline v1
