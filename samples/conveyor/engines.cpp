#include "engines.hpp"

#include <mamey/core/configuration.hpp>
#include <mamey/host/features.hpp>
#include <mamey/messaging/rabbitmq/feature.hpp>
#include <mamey/persistence/postgres/feature.hpp>
#include <mamey/persistence/sqlite/feature.hpp>

namespace conveyor {
namespace {

template <class T>
using opener = std::function<T(const mamey::environment&)>;

/// Features are added before the configuration is read: this keeps what one would open, until it is known whether it is wanted.
class kept final : public mamey::composition {
 public:
  kept(mamey::composition& into, const auto& feature) : into_(into) { feature.install(*this); }

  opener<std::unique_ptr<mamey::store>> store;
  opener<std::shared_ptr<mamey::transport>> transport;

 private:
  mamey::services& services() override { return into_.services(); }
  void use_store(std::string, opener<std::unique_ptr<mamey::store>> open) override { store = std::move(open); }
  void use_transport(std::string, opener<std::shared_ptr<mamey::transport>> open) override { transport = std::move(open); }
  void offer_queues(std::string feature, opener<std::unique_ptr<mamey::durable_queues>> open) override { into_.offer_queues(std::move(feature), std::move(open)); }
  void use_messaging() override { into_.use_messaging(); }
  void on_start(std::string name, std::function<void(const mamey::environment&)> work) override { into_.on_start(std::move(name), std::move(work)); }

  mamey::composition& into_;
};

}  // namespace

void engines_feature::install(mamey::composition& into) const {
  into.use_store("conveyor::engines()", [file = kept(into, mamey::sqlite()).store, server = kept(into, mamey::postgres()).store](const mamey::environment& around) {
    return around.configuration->find("postgres:connectionString") ? server(around) : file(around);
  });
  into.use_transport("conveyor::engines()", [broker = kept(into, mamey::rabbitmq()).transport](const mamey::environment& around) {
    return around.configuration->contains("rabbitMq:hostNames") ? broker(around) : nullptr;
  });
  mamey::messaging().install(into);
}

}  // namespace conveyor
