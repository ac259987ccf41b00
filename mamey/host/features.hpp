#pragma once

/// @file
/// For services.
/// Features that come with the host.

#include <mamey/feature/composition.hpp>

namespace mamey::inline v1 {

struct messaging_feature {
  void install(composition& into) const { into.use_messaging(); }
};

/// Subscriptions, outbox relay, delayed messages and the error store. The transport is, in this order: what a feature brought (a broker); in a host of several
/// applications the process itself; alone the durable queues of the store's feature. Section `messaging`, key `transport`, decides otherwise: `inProcess`, `sql`, or
/// the name of what a feature brought.
inline messaging_feature messaging() { return {}; }

}  // namespace mamey::inline v1
