#pragma once

/// @file
/// For providers and the framework.
/// What becomes of a row of the outbox that was confirmed.

#include <cstdint>

namespace mamey::inline v1 {

class configuration;

/// `archive` keeps them until `store_upkeep::clean` finds them past their retention.
enum class sent_rows : std::uint8_t { remove, archive };

/// What section `outbox` of the configuration says.
sent_rows sent_rows_of(const configuration& values);

}  // namespace mamey::inline v1
