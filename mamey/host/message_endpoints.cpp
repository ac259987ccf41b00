#include <mamey/host/detail/message_endpoints.hpp>

#include <algorithm>
#include <optional>

#include <mamey/core/json.hpp>
#include <mamey/core/time.hpp>
#include <mamey/http/url.hpp>
#include <mamey/messaging/error_operations.hpp>
#include <mamey/messaging/store.hpp>
#include <mamey/web/binding.hpp>

namespace mamey::inline v1 {
namespace {

struct shown_error {
  std::string id, subscription, message_id, type, error_code, error_reason, correlation_id;
  int attempts = 0;
  timestamp first_failed_at, failed_at;
};
struct shown_message {
  shown_error failure;
  json::raw body;
};
struct shown_page {
  std::vector<shown_error> items;
  std::int64_t total = 0;
};
struct shown_subscription {
  std::string name, state;
  std::uint64_t attempts = 0, handled = 0, duplicates = 0, busy = 0, retried = 0, delayed = 0, failed = 0, parked = 0, lost = 0,
                without_id = 0, discarded = 0, running = 0, waiting = 0;
};
struct shown_figures {
  std::int64_t pending = 0, parked = 0, unroutable = 0, oldest_age_milliseconds = 0, errors = 0;
  std::uint64_t sent = 0, attempts = 0, refused = 0;
  std::string trouble;
  std::vector<shown_subscription> subscriptions;
};
struct error_list_query {
  std::int64_t offset = 0, limit = 50;
};
struct shown_delayed {
  std::string id, handler, message_id, type, key, tenant, correlation_id, last_error;
  timestamp due;
  bool running = false;
  int rounds = 0;
};
struct delayed_page {
  std::vector<shown_delayed> items;
  std::int64_t total = 0;
};
struct delayed_query {
  std::optional<std::string> type, key, tenant;
  std::int64_t offset = 0, limit = 50;
};
struct shown_job {
  std::string name, schedule;
  bool enabled = true, declared = true;
  std::optional<timestamp> next, last;
  std::int64_t runs = 0, missed = 0;
};
struct job_page {
  std::vector<shown_job> items;
};
struct retry_query {
  bool force = false;
};
struct retried {
  std::string message_id;
};

shown_error show(const error_record& record) {
  return {.id = record.id,
          .subscription = record.key.subscription,
          .message_id = record.message.id,
          .type = record.message.type,
          .error_code = record.error_code,
          .error_reason = record.error_reason,
          .correlation_id = record.message.correlation_id,
          .attempts = record.attempts,
          .first_failed_at = record.first_failed_at,
          .failed_at = record.failed_at};
}

shown_figures show(const messaging_statistics& now) {
  shown_figures shown{.pending = now.backlog.pending,
                      .parked = now.backlog.parked,
                      .unroutable = now.backlog.unroutable,
                      .oldest_age_milliseconds = now.backlog.oldest_age.count(),
                      .errors = now.errors,
                      .sent = now.outbox.counts.confirmed,
                      .attempts = now.outbox.counts.sent,
                      .refused = now.outbox.counts.refused,
                      .trouble = now.trouble,
                      .subscriptions = {}};
  for (const auto& each : now.subscriptions) {
    shown.subscriptions.push_back({.name = each.name,
                                   .state = name_of(each.state),
                                   .attempts = each.attempts,
                                   .handled = each.handled,
                                   .duplicates = each.duplicates,
                                   .busy = each.busy,
                                   .retried = each.immediate_retries + each.delayed,
                                   .delayed = each.delayed,
                                   .failed = each.failed,
                                   .parked = each.parked_unrun,
                                   .lost = each.lost,
                                   .without_id = each.without_id,
                                   .discarded = each.discarded,
                                   .running = each.running,
                                   .waiting = each.waiting});
  }
  return shown;
}

shown_delayed show(const waiting_message& waiting) {
  const auto& message = waiting.row.message;
  return {.id = waiting.row.id,
          .handler = waiting.row.subscription,
          .message_id = message.id,
          .type = message.type,
          .key = message.key,
          .tenant = message.tenant,
          .correlation_id = message.correlation_id,
          .last_error = waiting.row.last_error,
          .due = waiting.due,
          .running = waiting.running,
          .rounds = waiting.row.rounds};
}

job_page show(const job_list& found, const job_runner* declared) {
  job_page page;
  const auto known = declared ? declared->statistics() : std::vector<job_statistics>();
  for (const auto& row : found.rows) {
    page.items.push_back({.name = row.name,
                          .schedule = row.schedule,
                          .enabled = row.enabled,
                          .declared = std::ranges::find(known, row.name, &job_statistics::name) != known.end(),
                          .next = row.enabled ? std::optional(row.next) : std::nullopt,
                          .last = row.last,
                          .runs = row.runs,
                          .missed = row.missed});
  }
  return page;
}

/// What is being handled cannot be taken back: it says so.
void cancel_delayed(store& of, const std::string& id) {
  const auto found = of.list_delayed({.id = id}, 0, 1);
  if (found.empty()) throw not_found("delayed_message_not_found", "no delayed message {} waits", id);
  if (found.front().running)
    throw conflict("delayed_message_running", "the delayed message {} is being handled now and cannot be cancelled", id);
  try {
    of.commit({.inbox = {}, .cancelled_delayed = {id}});
  } catch (const concurrency_conflict&) {  // it began a moment ago
    throw conflict("delayed_message_running", "the delayed message {} is being handled now and cannot be cancelled", id);
  }
}

template <class T>
void answer_json(http::response& response, const T& value) {
  response.set_body("application/json; charset=utf-8",
                    json::to_string(value, {.max_depth = json::deepest, .unwritable = json::unwritable::replace}));
}

}  // namespace

std::vector<web::route> message_routes(message_flow& messages, const job_runner* jobs, const management_options& options) {
  std::vector<web::route> routes;
  if (!options.messages) return routes;
  const auto add = [&](http_method method, std::string pattern, web::route_function handle) {
    auto guarded = [options, handle = std::move(handle)](http::request& request, http::response& response) {
      require_management(request, options);
      handle(request, response);
    };
    routes.push_back({.method = method, .pattern = pattern, .handle = std::move(guarded), .name = pattern, .place = "the framework"});
  };
  add(http_method::get, "/_messages",
      [&messages](http::request&, http::response& response) { answer_json(response, show(messages.endpoint().statistics())); });
  add(http_method::post, "/_messages/subscriptions/{name}/resume", [&messages](http::request& request, http::response& response) {
    messages.endpoint().resume(request.parameter("name").value_or(""));
    response.set_status(204);
  });
  if (!messages.module_store()) return routes;

  auto& records = *messages.module_store();
  const auto id_of = [](const http::request& request) { return request.parameter("id").value_or(""); };
  add(http_method::get, "/_messages/errors", [&records](http::request& request, http::response& response) {
    const auto asked = web::bind<error_list_query>(request);
    const auto found = error_operations(records).list(asked.offset, asked.limit);
    shown_page page{.items = {}, .total = found.total};
    for (const auto& each : found.records) page.items.push_back(show(each));
    answer_json(response, page);
  });
  add(http_method::get, "/_messages/errors/{id}", [&records, id_of](http::request& request, http::response& response) {
    const auto record = error_operations(records).show(id_of(request));
    const bool is_json = json::is_valid(record.message.body);
    answer_json(response, shown_message{show(record),
                                        {is_json ? record.message.body
                                                 : json::to_string(record.message.body, {.unwritable = json::unwritable::replace})}});
  });
  add(http_method::post, "/_messages/errors/{id}/retry", [&records, id_of](http::request& request, http::response& response) {
    const auto asked = web::bind<retry_query>(request, {.body = web::body_use::never});
    answer_json(response, retried{error_operations(records).retry(id_of(request), asked.force ? retry_mode::force : retry_mode::keep_id)});
  });
  add(http_method::del, "/_messages/errors/{id}", [&records, id_of](http::request& request, http::response& response) {
    error_operations(records).discard(id_of(request));
    response.set_status(204);
  });
  add(http_method::get, "/_messages/delayed", [&records](http::request& request, http::response& response) {
    const auto asked = web::bind<delayed_query>(request);
    const delayed_filter filter{.id = {}, .type = asked.type, .key = asked.key, .tenant = asked.tenant};
    delayed_page page{.items = {}, .total = records.count_delayed(filter)};
    for (const auto& each :
         records.list_delayed(filter, std::max<std::int64_t>(asked.offset, 0), std::clamp<std::int64_t>(asked.limit, 1, 1000)))
      page.items.push_back(show(each));
    answer_json(response, page);
  });
  add(http_method::del, "/_messages/delayed/{id}", [&records, id_of](http::request& request, http::response& response) {
    cancel_delayed(records, std::string(id_of(request)));
    response.set_status(204);
  });
  add(http_method::get, "/_messages/jobs",
      [&records, jobs](http::request&, http::response& response) { answer_json(response, show(records.list_jobs(), jobs)); });
  return routes;
}

}  // namespace mamey::inline v1
