#pragma once

/// @file
/// For services.
/// What a service author includes: modules, applications, hosts and what most handlers name. Of their own headers are `mamey/http/client.hpp`,
/// `mamey/observability/metrics.hpp` and `mamey/observability/health.hpp`, for those who ask for them.

#include <mamey/core/configuration.hpp>
#include <mamey/core/decimal.hpp>
#include <mamey/core/error.hpp>
#include <mamey/core/rules.hpp>
#include <mamey/core/time.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/cqrs/dispatcher.hpp>
#include <mamey/domain/repository.hpp>
#include <mamey/host/application.hpp>
#include <mamey/host/features.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/context.hpp>
