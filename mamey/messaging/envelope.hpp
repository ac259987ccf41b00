#pragma once

/// @file
/// For providers and the framework.
/// A message in transit: attributes and bytes. Each attribute has its CloudEvents counterpart (docs/messaging.md lists them).

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <mamey/domain/message.hpp>
#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {

struct envelope {
  std::string id;  ///< opaque, at most 255 characters; ours: UUIDv7 in compact form
  std::string correlation_id;
  std::string causation_id;  ///< id of the message or request that led to this one
  std::string type;          ///< wire name: `OrderCreated`
  int version = 1;
  int min_version = 1;
  std::string source;  ///< the application that published it
  wall_time occurred_at{};
  std::string key;     ///< ordering key; empty: unordered
  std::string stream;  ///< aggregate the event belongs to, with `position` its place there
  std::int64_t position = 0;
  std::string tenant;
  std::string content_type = "application/json";
  std::optional<wall_time> expires_at;
  std::string traceparent;
  std::string user;  ///< JSON of the principal; empty: anonymous
  std::map<std::string, std::string> headers;
  std::string body;

  std::string exchange;  ///< where it is published
  std::string routing_key;
};

}  // namespace mamey::inline v1
