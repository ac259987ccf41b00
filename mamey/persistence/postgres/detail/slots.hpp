#pragma once

/// @file
/// Which process relays which keys: leases on the 1024 slots.

#include <cstdint>
#include <string>
#include <vector>

#include <mamey/persistence/postgres/detail/statement.hpp>

namespace mamey::inline v1::postgres_detail {

/// To be run as one exchange; the last statement returns the slots the owner has.
std::vector<step> lease_slots(const std::string& owner, std::size_t most, std::int64_t lease_ms);
step release_slots(const std::string& owner);

}  // namespace mamey::inline v1::postgres_detail
