#pragma once

/// @file
/// The orders service.

#include <mamey/application.hpp>

namespace orders {

/// Handlers and endpoints; needs an `orders::Pricing`.
mamey::module service();
/// With its database, the bus, and prices over HTTP (`httpClient:services:pricing`).
mamey::application app();

}  // namespace orders
