#include <mamey/host/detail/message_endpoints.hpp>

#include <mamey/core/json.hpp>
#include <mamey/core/time.hpp>
#include <mamey/http/url.hpp>
#include <mamey/messaging/error_operations.hpp>
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
  std::uint64_t attempts = 0, handled = 0, duplicates = 0, busy = 0, retried = 0, delayed = 0, failed = 0, parked = 0, lost = 0, without_id = 0, running = 0, waiting = 0;
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
struct retried {
  std::string message_id;
};

shown_error show(const error_record& record) {
  return {.id = record.id, .subscription = record.key.subscription, .message_id = record.message.id, .type = record.message.type, .error_code = record.error_code,
          .error_reason = record.error_reason, .correlation_id = record.message.correlation_id, .attempts = record.attempts, .first_failed_at = record.first_failed_at,
          .failed_at = record.failed_at};
}

shown_figures show(const messaging_statistics& now) {
  shown_figures shown{.pending = now.backlog.pending, .parked = now.backlog.parked, .unroutable = now.backlog.unroutable, .oldest_age_milliseconds = now.backlog.oldest_age.count(),
                      .errors = now.errors, .sent = now.outbox.counts.confirmed, .attempts = now.outbox.counts.sent, .refused = now.outbox.counts.refused, .trouble = now.trouble, .subscriptions = {}};
  for (const auto& each : now.subscriptions) {
    shown.subscriptions.push_back({.name = each.name, .state = name_of(each.state), .attempts = each.attempts, .handled = each.handled, .duplicates = each.duplicates,
                                   .busy = each.busy, .retried = each.immediate_retries + each.delayed, .delayed = each.delayed, .failed = each.failed,
                                   .parked = each.parked_unrun, .lost = each.lost, .without_id = each.without_id, .running = each.running, .waiting = each.waiting});
  }
  return shown;
}

template <class T>
void answer_json(http::response& response, const T& value) {
  response.set_body("application/json; charset=utf-8", json::to_string(value));
}

}  // namespace

std::vector<web::route> message_routes(message_flow& messages, const management_options& options) {
  std::vector<web::route> routes;
  if (!options.messages) return routes;
  const auto add = [&](http_method method, std::string pattern, web::route_function handle) {
    auto guarded = [options, handle = std::move(handle)](http::request& request, http::response& response) {
      require_management(request, options);
      handle(request, response);
    };
    routes.push_back({.method = method, .pattern = pattern, .handle = std::move(guarded), .name = pattern, .place = "the framework"});
  };
  add(http_method::get, "/_messages", [&messages](http::request&, http::response& response) { answer_json(response, show(messages.endpoint().statistics())); });
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
    answer_json(response, shown_message{show(record), {is_json ? record.message.body : json::to_string(record.message.body)}});
  });
  add(http_method::post, "/_messages/errors/{id}/retry", [&records, id_of](http::request& request, http::response& response) {
    const bool force = request.query().find("force=true") != std::string_view::npos;
    answer_json(response, retried{error_operations(records).retry(id_of(request), force ? retry_mode::force : retry_mode::keep_id)});
  });
  add(http_method::del, "/_messages/errors/{id}", [&records, id_of](http::request& request, http::response& response) {
    error_operations(records).discard(id_of(request));
    response.set_status(204);
  });
  return routes;
}

}  // namespace mamey::inline v1
