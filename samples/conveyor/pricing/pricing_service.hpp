#pragma once

/// @file
/// The pricing service: no database, no bus.

#include <mamey/application.hpp>

namespace pricing {

mamey::module service();
mamey::application app();

}  // namespace pricing
