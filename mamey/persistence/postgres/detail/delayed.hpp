#pragma once

/// @file
/// Messages to be handled later.

#include <cstdint>
#include <string>
#include <vector>

#include <mamey/messaging/delayed_store.hpp>
#include <mamey/persistence/postgres/detail/statement.hpp>

namespace mamey::inline v1::postgres_detail {

/// A row with the same id is replaced, even when it is claimed.
step insert_delayed(const delayed_message& row);
step finish_delayed(const std::string& id);
/// Is refused (`unexpected_rows_state`) when the row is gone or claimed.
step cancel_delayed(const std::string& id);
/// See delayed_store.
step list_delayed(const delayed_filter& filter, std::int64_t offset, std::int64_t limit);
std::vector<waiting_message> read_delayed(const rows& found);
step count_delayed(const delayed_filter& filter);
/// One row with the number of rows it was put behind: none, and it was not put; see delayed_store::wait_behind.
step queue_behind(const delayed_message& row);
/// Oldest first under one token, a start counted; those whose holder is alive are passed over, and those behind another of their key.
step claim_due(const due_request& request);
std::vector<delayed_message> read_due(const rows& found);
/// See delayed_store.
step next_due();
std::optional<std::chrono::milliseconds> read_next_due(const rows& found);
/// Gives the rows of a claim back and takes the starts they were counted back.
step release_due(const std::string& token);

}  // namespace mamey::inline v1::postgres_detail
