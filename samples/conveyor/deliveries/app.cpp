#include <mamey/engines/feature.hpp>

#include "deliveries.hpp"

namespace deliveries {

mamey::application app() {
  return mamey::application("deliveries").setting("server:urls:0", "http://*:5001").add(mamey::engines()).add(service());
}

}  // namespace deliveries
