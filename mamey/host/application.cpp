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
    throw internal_error("feature_conflict", "application {} gets its {} from {} already; {} would be a second one{}", application, kind, other.what.feature, what.feature,
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
  add_to(queues, name, "durable queues", {.name = std::move(store), .feature = std::move(feature), .use = engine_use::when_configured}, std::move(open));
}
void application_definition::use_transport(engine what, std::function<std::shared_ptr<transport>(const environment&)> open) {
  add_to(transports, name, "transport", std::move(what), std::move(open));
}

application::application(std::string name) : definition_(std::make_unique<application_definition>()) { definition_->name = std::move(name); }
application::application(application&&) noexcept = default;
application& application::operator=(application&&) noexcept = default;
application::~application() = default;

application&& application::add(module part) && {
  definition_->modules.push_back(std::move(part.definition()));
  return std::move(*this);
}

application&& application::services(std::function<void(mamey::services&)> add) && {
  definition_->registrations.push_back(std::move(add));
  return std::move(*this);
}

application&& application::setting(std::string key, std::string value) && {
  definition_->settings.emplace_back(std::move(key), std::move(value));
  return std::move(*this);
}

std::unique_ptr<application_definition> application::release() && { return std::move(definition_); }

composition& application::parts() noexcept { return *definition_; }

void application::in_place(module part) { definition_->modules.push_back(std::move(part.definition())); }

int application::run(int argc, char** argv) && {
  std::vector<std::unique_ptr<application_definition>> one;
  const auto name = definition_->name;
  one.push_back(std::move(definition_));
  return run_process(name, std::move(one), argc, argv);
}

int host::run(int argc, char** argv) && {
  std::vector<std::unique_ptr<application_definition>> all;
  for (auto& each : applications_) all.push_back(std::move(each).release());
  return run_process(name_, std::move(all), argc, argv);
}

}  // namespace mamey::inline v1
