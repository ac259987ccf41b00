#pragma once

/// @file
/// Messages to be handled later, and the inbox's counters of starts. Inside the writer's transaction.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <mamey/messaging/delayed_store.hpp>
#include <mamey/messaging/inbox_store.hpp>
#include <mamey/persistence/sqlite/detail/connection.hpp>

namespace mamey::inline v1::sqlite_detail {

/// A row with the same id is replaced, even when it is claimed.
void insert_delayed(connection& on, const delayed_message& row, std::int64_t now_ms);
std::vector<delayed_message> claim_due(connection& on, const due_request& request, std::int64_t now_ms);
/// Whether a row holds the key of `row`.
bool is_key_held(connection& on, const delayed_message& row);
/// See delayed_store::wait_behind.
bool queue_behind(connection& on, const delayed_message& row, std::int64_t now_ms);
/// See delayed_store::next_due.
std::optional<std::chrono::milliseconds> next_due(connection& on, std::int64_t now_ms);
/// See delayed_store. A row that is to be cancelled and is gone or claimed throws concurrency_conflict.
std::vector<waiting_message> list_delayed(connection& on, const delayed_filter& filter, std::int64_t offset, std::int64_t limit);
std::int64_t count_delayed(connection& on, const delayed_filter& filter);
void cancel_delayed(connection& on, const std::string& id);
/// Gives the rows of a claim back and takes the starts they were counted back.
void release_due(connection& on, const std::string& token);
/// After the clock was set back: what lies further ahead than it was put is due now.
void repair_due_times(connection& on, std::int64_t now_ms);

bool was_handled(connection& on, const inbox_key& key);
int count_start(connection& on, const inbox_key& key, int presumed, std::int64_t now_ms);
void take_back_start(connection& on, const inbox_key& key);
void forget_starts(connection& on, const inbox_key& key);
/// Deletes up to `most` inbox rows, and as many counters, older than `before_ms`; returns the larger number.
std::size_t clean_inbox(connection& on, std::int64_t before_ms, std::size_t most);

}  // namespace mamey::inline v1::sqlite_detail
