#pragma once

/// @file
/// Messages to be handled later.

#include <cstdint>
#include <string>
#include <vector>

#include <mamey/messaging/store.hpp>
#include <mamey/persistence/postgres/detail/statement.hpp>

namespace mamey::inline v1::postgres_detail {

/// The same id replaces, whoever holds it.
step insert_delayed(const delayed_message& row);
step finish_delayed(const std::string& id);
/// Oldest first under one token, an attempt counted; those whose holder is alive are passed over.
step claim_due(const std::string& token, std::size_t most, std::int64_t lease_ms);
std::vector<store::due_message> read_due(const rows& found, const std::string& token);
/// Gives the rows of a claim back and takes the attempts they were counted back.
step release_due(const std::string& token);

}  // namespace mamey::inline v1::postgres_detail
