#pragma once

/// @file
/// The deliveries service.

#include <mamey/application.hpp>

namespace deliveries {

mamey::module service();
mamey::application app();

}  // namespace deliveries
