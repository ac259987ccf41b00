#pragma once

/// @file
/// What a service author includes: modules, applications, hosts and everything a handler's signature may name.

#include <mamey/core/decimal.hpp>
#include <mamey/core/error.hpp>
#include <mamey/core/rules.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/domain/repository.hpp>
#include <mamey/host/application.hpp>
#include <mamey/host/features.hpp>
