#pragma once

/// @file
/// For the framework.
/// Upcasters: an old version of a message is lifted, one version at a time, to the version that the handlers read.

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <mamey/messaging/envelope.hpp>

namespace mamey::inline v1 {

class upcasters {
 public:
  /// Body of version n in, body of version n + 1 out; both JSON text. An exception is a permanent error of the message.
  using function = std::function<std::string(std::string_view body)>;

  /// Before start only. Throws conflict when (type, from_version) has one already.
  void add(std::string type, int from_version, function lift);
  /// Whether a message of this type and version would change on its way to `reader_version`.
  bool applies(const std::string& type, int version, int reader_version) const;
  /// Lifts step by step while there is a step and `version < reader_version`. Thread-safe after start.
  envelope lift(envelope message, int reader_version) const;

 private:
  std::map<std::pair<std::string, int>, function> steps_;
};

}  // namespace mamey::inline v1
