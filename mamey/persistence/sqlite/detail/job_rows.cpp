#include <mamey/persistence/sqlite/detail/job_rows.hpp>

#include <mamey/core/error.hpp>
#include <mamey/persistence/job_columns.hpp>

namespace mamey::inline v1::sqlite_detail {

void write_job(connection& on, const job_row& row) {
  auto write =
      row.version == 0
          ? on.use(
                "insert into mamey_jobs (name, schedule, enabled, next_ms, last_ms, runs, missed, version) values (?1, ?2, ?3, ?4, ?5, ?6, "
                "?7, ?8 + 1) on conflict do nothing")
          : on.use(
                "update mamey_jobs set schedule = ?2, enabled = ?3, next_ms = ?4, last_ms = ?5, runs = ?6, missed = ?7, version = version "
                "+ 1 "
                "where name = ?1 and version = ?8");
  write.bind(row.name).bind(row.schedule).bind(row.enabled ? 1 : 0).bind(unix_milliseconds(row.next));
  if (row.last)
    write.bind(unix_milliseconds(*row.last));
  else
    write.bind_null();
  if (write.bind(row.runs).bind(row.missed).bind(row.version).run() != 1) throw_job_changed(row);
}

std::vector<job_row> list_jobs(connection& on) {
  std::vector<job_row> all;
  auto found = on.use("select name, schedule, enabled, next_ms, last_ms, runs, missed, version from mamey_jobs order by name");
  while (found.step()) {
    auto& row = all.emplace_back(job_row{.name = found.text(0),
                                         .schedule = found.text(1),
                                         .enabled = found.integer(2) != 0,
                                         .next = from_unix_milliseconds(found.integer(3)),
                                         .last = {}});
    if (!found.is_null(4)) row.last = from_unix_milliseconds(found.integer(4));
    row.runs = found.integer(5);
    row.missed = found.integer(6);
    row.version = found.integer(7);
  }
  return all;
}

}  // namespace mamey::inline v1::sqlite_detail
