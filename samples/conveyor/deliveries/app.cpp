#include <mamey/persistence/sqlite/feature.hpp>

#include "deliveries.hpp"

namespace deliveries {

mamey::application app() {
  return mamey::application("deliveries").setting("server:urls:0", "http://*:5001").add(mamey::sqlite()).add(mamey::messaging()).add(service());
}

}  // namespace deliveries
