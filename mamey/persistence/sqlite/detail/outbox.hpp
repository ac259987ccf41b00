#pragma once

/// @file
/// The rows of the outbox and the slots of ordered relays. All run inside the writer's transaction except the reads.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <mamey/messaging/hand_over.hpp>
#include <mamey/messaging/outbox_store.hpp>
#include <mamey/persistence/sqlite/detail/connection.hpp>
#include <mamey/persistence/sqlite/options.hpp>

namespace mamey::inline v1::sqlite_detail {

/// Leased where the terms of `handing` allow it. `handing` takes note of the row.
void insert_outbox(connection& on, const envelope& message, std::int64_t now_ms, hand_over& handing);

claim claim_outbox(connection& on, const claim_request& request, std::int64_t now_ms);

enum class settled : std::uint8_t { unroutable = 2, sent = 3 };
/// Moves rows into the archive.
void archive_outbox(connection& on, std::span<const std::int64_t> sequences, settled as, std::int64_t now_ms);
void delete_outbox(connection& on, std::span<const std::int64_t> sequences);

std::size_t renew_outbox(connection& on, const std::string& token, std::span<const std::int64_t> sequences, std::int64_t lease_ms,
                         std::int64_t now_ms);
std::size_t release_outbox(connection& on, const std::string& token, std::span<const std::int64_t> sequences);
std::size_t fail_outbox(connection& on, const std::string& token, std::span<const outbox_failure> failures, std::int64_t now_ms);

std::vector<message_aside> list_aside(connection& on, set_aside which, std::int64_t offset, std::int64_t limit);
std::size_t resend_outbox(connection& on, std::span<const std::int64_t> sequences, std::int64_t now_ms);

outbox_state read_outbox_state(connection& on, std::int64_t now_ms);

std::vector<int> lease_slots(connection& on, const std::string& owner, std::size_t most, std::int64_t lease_ms, std::int64_t now_ms);
void release_slots(connection& on, const std::string& owner);

/// Deletes up to `most` archived rows settled before `before_ms`; returns how many.
std::size_t clean_archive(connection& on, settled which, std::int64_t before_ms, std::size_t most);

}  // namespace mamey::inline v1::sqlite_detail
