#include <mamey/host/application.hpp>

#include <mamey/core/error.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/host/detail/process.hpp>

namespace mamey::inline v1 {
namespace {

template <class T, class Open>
void set_once(named_factory<T>& slot, const std::string& application, std::string_view what, std::string feature, Open open) {
  if (!slot.feature.empty()) {
    throw internal_error("feature_conflict", "application {} gets its {} from {} already; {} would be a second one", application, what, slot.feature, feature);
  }
  slot = {std::move(feature), std::move(open)};
}

}  // namespace

void application_definition::use_store(std::string feature, std::function<std::unique_ptr<store>(const environment&)> open) {
  set_once(store_factory, name, "store", std::move(feature), std::move(open));
}
void application_definition::offer_queues(std::string feature, std::function<std::unique_ptr<durable_queues>(const environment&)> open) {
  set_once(queues_factory, name, "durable queues", std::move(feature), std::move(open));
}
void application_definition::use_transport(std::string feature, std::function<std::shared_ptr<transport>(const environment&)> open) {
  set_once(transport_factory, name, "transport", std::move(feature), std::move(open));
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
