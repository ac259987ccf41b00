#pragma once

/// @file
/// Recurring jobs.

#include <mamey/messaging/job_store.hpp>
#include <mamey/persistence/postgres/detail/statement.hpp>

namespace mamey::inline v1::postgres_detail {

/// Is refused (`unexpected_rows_state`) when the row has another version.
step write_job(const job_row& row);
/// One row or more: the first column is the store's clock, and the others are null where there is no job.
step list_jobs();
job_list read_jobs(const rows& found);

}  // namespace mamey::inline v1::postgres_detail
