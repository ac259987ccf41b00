#pragma once

/// @file
/// For services.
/// `application.add(mamey::rabbitmq())`: messages go through RabbitMQ.

#include <mamey/feature/engine.hpp>

namespace mamey::inline v1 {

class composition;

struct rabbitmq_feature {
  engine_use use = engine_use::always;  ///< for those who bring several transports
  void install(composition& into) const { link_mamey_messaging_rabbitmq(into); }

 private:
  void link_mamey_messaging_rabbitmq(composition& into)
      const;  ///< a linker that does not find it says so: `target_link_libraries(service PRIVATE mamey::messaging_rabbitmq)`
};

/// Section `rabbitMq` says where and how (options.hpp). A broker that is away degrades the service and does not keep it from starting.
inline rabbitmq_feature rabbitmq() { return {}; }

}  // namespace mamey::inline v1
