#pragma once

/// @file
/// The rows of the outbox.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <mamey/messaging/hand_over.hpp>
#include <mamey/messaging/outbox_store.hpp>
#include <mamey/persistence/postgres/detail/statement.hpp>

namespace mamey::inline v1::postgres_detail {

/// Taken before rows of ordered keys are inserted: `seq` is given out under it, so that a key's order is the order of its commits.
/// In one order for everybody, so that two units with the same keys do not wait for each other.
step lock_keys(const std::vector<envelope>& messages);
step lock_keys(std::span<const std::string> keys);
bool any_keyed(const std::vector<envelope>& messages);
step insert_outbox(const envelope& message);
/// Leased where `terms` allow it. Returns one row: its sequence, and whether it is leased. Behind `lock_keys`, as the row of an ordered key
/// is leased only when no other of the key is there.
step insert_outbox(const envelope& message, const hand_over_terms& terms);

/// One statement: takes rows that are due and free under `token`. Ordered claims have two ways to find heads: among the first rows, or,
/// when that found none, key by key.
enum class search : std::uint8_t { unordered, first_rows, by_key };
step claim_rows(const claim_request& request, const std::string& token, search how);
/// Whether there are rows that `search::first_rows` has not looked at.
step are_rows_beyond_the_first();
std::vector<claimed_message> read_claimed(const rows& found);

enum class settled : std::uint8_t { unroutable = 2, sent = 3 };
/// Moves rows into the archive.
step archive_outbox(std::span<const std::int64_t> sequences, settled as);
step delete_outbox(std::span<const std::int64_t> sequences);
step renew_outbox(const std::string& token, std::span<const std::int64_t> sequences, std::int64_t lease_ms);
step release_outbox(const std::string& token, std::span<const std::int64_t> sequences);
step fail_outbox(const std::string& token, std::span<const outbox_failure> failures);

step list_aside(set_aside which, std::int64_t offset, std::int64_t limit);
std::vector<message_aside> read_aside(const rows& found);
step unpark(std::span<const std::int64_t> sequences);
/// An unroutable row comes back under a new sequence, which its key's lock orders as any other.
step lock_archived_keys(std::span<const std::int64_t> sequences);
step append_again(std::span<const std::int64_t> sequences);

step outbox_counts();
outbox_state read_counts(const rows& found);

/// Deletes up to `most` archived rows settled longer ago than `keep_ms`.
step clean_archive(settled which, std::int64_t keep_ms, std::size_t most);

}  // namespace mamey::inline v1::postgres_detail
