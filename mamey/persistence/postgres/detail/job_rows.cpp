#include <mamey/persistence/postgres/detail/job_rows.hpp>

#include <mamey/persistence/job_columns.hpp>

namespace mamey::inline v1::postgres_detail {

step write_job(const job_row& row) {
  step made{.text = row.version == 0 ? "with changed as (insert into mamey_jobs (name, schedule, enabled, next_ms, last_ms, runs, missed, "
                                       "version) values ($1, $2, $3::boolean, $4::bigint, "
                                       "$5::bigint, $6::bigint, $7::bigint, $8::bigint + 1) on conflict do nothing returning 1) select "
                                       "mamey_expect(count(*), 1) from changed"
                                     : "with changed as (update mamey_jobs set schedule = $2, enabled = $3::boolean, next_ms = $4::bigint, "
                                       "last_ms = $5::bigint, runs = $6::bigint, missed = "
                                       "$7::bigint, version = version + 1 where name = $1 and version = $8::bigint returning 1) select "
                                       "mamey_expect(count(*), 1) from changed",
            .values = {},
            .result = {}};
  made.values.add(row.name).add(row.schedule).add(row.enabled ? "true" : "false").add(unix_milliseconds(row.next));
  if (row.last)
    made.values.add(unix_milliseconds(*row.last));
  else
    made.values.add_null();
  made.values.add(row.runs).add(row.missed).add(row.version);
  return made;
}

step list_jobs() {
  return {.text =
              "select clock.now, name, schedule, enabled, next_ms, last_ms, runs, missed, version from (select mamey_now_ms() as now) "
              "clock left join mamey_jobs on true order by name",
          .values = {},
          .result = {}};
}

job_list read_jobs(const rows& found) {
  job_list all{.now = from_unix_milliseconds(found.integer(0, 0)), .rows = {}};
  for (int row = 0; row < found.count(); ++row) {
    if (found.is_null(row, 1)) continue;
    auto& job = all.rows.emplace_back(job_row{.name = found.text(row, 1),
                                              .schedule = found.text(row, 2),
                                              .enabled = found.boolean(row, 3),
                                              .next = from_unix_milliseconds(found.integer(row, 4)),
                                              .last = {}});
    if (!found.is_null(row, 5)) job.last = from_unix_milliseconds(found.integer(row, 5));
    job.runs = found.integer(row, 6);
    job.missed = found.integer(row, 7);
    job.version = found.integer(row, 8);
  }
  return all;
}

}  // namespace mamey::inline v1::postgres_detail
