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
/// One row with the number of rows it was put behind: none, and it was not put; see store::wait_behind.
step queue_behind(const delayed_message& row);
/// Oldest first under one token, a start counted; those whose holder is alive are passed over, and those behind another of their key.
step claim_due(const due_request& request);
std::vector<delayed_message> read_due(const rows& found);
/// Gives the rows of a claim back and takes the starts they were counted back.
step release_due(const std::string& token);

}  // namespace mamey::inline v1::postgres_detail
