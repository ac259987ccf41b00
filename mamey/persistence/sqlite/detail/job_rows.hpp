#pragma once

/// @file
/// Recurring jobs. Inside the writer's transaction.

#include <cstdint>
#include <vector>

#include <mamey/messaging/job_store.hpp>
#include <mamey/persistence/sqlite/detail/connection.hpp>

namespace mamey::inline v1::sqlite_detail {

/// Throws concurrency_conflict when the row has another version.
void write_job(connection& on, const job_row& row);
std::vector<job_row> list_jobs(connection& on);

}  // namespace mamey::inline v1::sqlite_detail
