#include "../engines.hpp"
#include "deliveries.hpp"

namespace deliveries {

mamey::application app() {
  return mamey::application("deliveries").setting("server:urls:0", "http://*:5001").add(conveyor::engines()).add(service());
}

}  // namespace deliveries
