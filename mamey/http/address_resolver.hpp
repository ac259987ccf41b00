#pragma once

/// @file
/// For features: how the name of a service becomes an address.

#include <functional>
#include <string>
#include <string_view>

namespace mamey::inline v1::http {

/// Where a service can be called just now: `http://10.0.0.7:5003`, or with a path that comes in front of the request's
/// (`http://gateway/pricing`). Asked for each try, so that a retry may go to another instance; called by any fiber, under the deadline of
/// the call; it may suspend. Empty: there is no address, which the caller gets as `unavailable`. What it throws reaches the caller as
/// `unavailable`, too.
using address_resolver = std::function<std::string(std::string_view service)>;

}  // namespace mamey::inline v1::http
