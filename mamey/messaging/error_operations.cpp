#include <mamey/messaging/error_operations.hpp>

#include <algorithm>

#include <mamey/core/error.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/messaging/handling.hpp>
#include <mamey/messaging/store.hpp>

namespace mamey::inline v1 {

error_operations::error_operations(store& of) : error_operations(of, of, of) {}

error_page error_operations::list(std::int64_t offset, std::int64_t limit) {
  return {.records = records_.list_errors(std::max<std::int64_t>(offset, 0), std::clamp<std::int64_t>(limit, 1, 1000)),
          .total = records_.count_errors()};
}

error_record error_operations::show(std::string_view id) {
  auto record = records_.load_error(id);
  if (!record)
    throw not_found("error_record_not_found", "there is no failed message {}: it may have been retried or discarded already", id);
  return *std::move(record);
}

std::string error_operations::retry(std::string_view id, retry_mode mode) {
  auto record = show(id);
  // The failure left an inbox row that stops redeliveries of the original. A retry has a row of its own, named for the record: it runs,
  // once.
  const auto row_name = record.key.subscription + '#' + record.id;
  if (mode == retry_mode::keep_id && !record.message.id.empty() &&
      handled_.was_handled({row_name, record.message.id, record.message.tenant})) {
    throw conflict("already_handled", "{} has completed message {}: only force runs it again", record.key.subscription, record.message.id);
  }
  auto again = std::move(record.message);
  if (mode == retry_mode::force) {
    again.causation_id = again.id;
    again.id = uuid::v7().to_compact_string();
  }
  const auto message_id = again.id;
  units_.commit({.inbox = {},
                 .delayed = {{.id = derived_id(record.id, row_name),
                              .subscription = mode == retry_mode::force ? record.key.subscription : row_name,
                              .message = std::move(again),
                              .first_failed_at = record.first_failed_at,
                              .last_error = record.error_code + ": " + record.error_reason}},
                 .finished_errors = {std::string(id)}});
  return message_id;
}

void error_operations::discard(std::string_view id) {
  show(id);
  units_.commit({.inbox = {}, .finished_errors = {std::string(id)}});
}

}  // namespace mamey::inline v1
