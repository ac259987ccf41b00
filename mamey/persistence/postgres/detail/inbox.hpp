#pragma once

/// @file
/// Which messages were handled, and how often one was started.

#include <cstddef>
#include <cstdint>

#include <mamey/messaging/inbox_store.hpp>
#include <span>

#include <mamey/persistence/postgres/detail/statement.hpp>

namespace mamey::inline v1::postgres_detail {

/// Refused, with the constraint's name, when the message was handled already.
step insert_inbox(const inbox_key& key);
inline constexpr const char* inbox_constraint = "mamey_inbox_pkey";

/// Inserts the row under a lock of the transaction's on (subscription, message). One row: whether the lock was free, whether the row is
/// new.
step enter_inbox(const inbox_key& key);

/// A row for each key, in order: whether it was handled.
step were_handled(std::span<const inbox_key> keys);
step count_start(const inbox_key& key, int presumed);
step take_back_start(const inbox_key& key);
step forget_starts(const inbox_key& key);
step clean_inbox(std::int64_t keep_ms, std::size_t most);
step clean_starts(std::int64_t keep_ms, std::size_t most);
/// One row: whether anything is past its retention in the inbox, among the starts, among sent and unroutable messages, in the error store.
step find_old_rows(std::int64_t inbox_ms, std::int64_t sent_ms, std::int64_t errors_ms);

}  // namespace mamey::inline v1::postgres_detail
