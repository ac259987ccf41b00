#include <mamey/engines/feature.hpp>

#include <mamey/feature/composition.hpp>

namespace mamey::inline v1 {

void engines_feature::link_mamey_engines(composition& into) const {
  sqlite.install(into);
  auto server = postgres;
  server.use = engine_use::when_configured;
  server.install(into);
  auto broker = rabbitmq;
  broker.use = engine_use::when_configured;
  broker.install(into);
  into.use_messaging();
}

}  // namespace mamey::inline v1
