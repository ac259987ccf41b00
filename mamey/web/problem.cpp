#include <mamey/web/problem.hpp>

#include <exception>
#include <optional>

#include <mamey/core/json.hpp>
#include <mamey/http/client.hpp>
#include <mamey/runtime/context.hpp>

namespace mamey::inline v1::web {
namespace {

constexpr std::string_view json_type = "application/json";
constexpr std::string_view problem_type = "application/problem+json";

void append_member(std::string& out, std::string_view name, std::string_view value) {
  out.append(out.back() == '{' ? "\"" : ",\"").append(name).append("\":");
  json::write_text(out, value);
}

error_kind kind_of(int status) noexcept {
  switch (status) {
    case 401:
      return error_kind::unauthorized;
    case 403:
      return error_kind::forbidden;
    case 404:
      return error_kind::not_found;
    case 409:
      return error_kind::conflict;
    case 429:
      return error_kind::rate_limited;
    case 503:
      return error_kind::unavailable;
    case 504:
      return error_kind::deadline_exceeded;
    default:
      return status < 500 ? error_kind::validation : error_kind::internal;
  }
}

struct told_to_client {
  int status;
  std::vector<std::pair<std::string, std::string>> headers;
};

/// Makes of the report what a client hears; the status and headers where they do not follow from the kind.
std::optional<told_to_client> tell_current_exception(error_report& report) {
  try {
    std::rethrow_exception(std::current_exception());
  } catch (const http_error& error) {
    return told_to_client{error.status(), error.headers()};
  } catch (const http::bad_answer&) {
    report.code = "bad_answer";
    report.reason = "something this service depends on refused its call";
    return told_to_client{502, {}};
  } catch (...) {  // not banned: the caller has described it and hands the description on
    return std::nullopt;
  }
}

/// Of trouble on our side a client learns the kind and the code: the words may hold statements, files and hosts, and stand in the log.
std::string told_reason(const error_report& report) {
  switch (report.kind) {
    case error_kind::unavailable:
      return "something this service depends on is unavailable";
    case error_kind::commit_unknown:
      return "whether the change was made is unknown";
    case error_kind::deadline_exceeded:
      return "the time for the request is over";
    case error_kind::internal:
      return "an unexpected error";
    default:
      return report.reason;
  }
}

}  // namespace

http_error::http_error(int status, std::string code, const std::string& reason)
    : error(kind_of(status), std::move(code), reason), status_(status) {}

std::string error_body(const error_report& report, std::string_view trace_id) {
  std::string out = "{";
  append_member(out, "code", report.code);
  append_member(out, "reason", report.reason);
  append_member(out, "message", report.reason);  // clients of .NET Mamey (Convey) read one or the other
  if (!trace_id.empty()) append_member(out, "traceId", trace_id);
  out += ",\"errors\":[";
  for (const auto& each : report.violations) {
    out += out.back() == '[' ? "{" : ",{";
    append_member(out, "path", each.path);
    append_member(out, "code", each.code);
    append_member(out, "message", each.message);
    out += '}';
  }
  out += "]}";
  return out;
}

void write_error(http::response& response, const error_report& report, const http::request& request) {
  write_error(response, http_status(report.kind), report, request);
}

void write_error(http::response& response, int status, const error_report& report, const http::request& request) {
  const bool closes = response.closes_connection();
  response.clear();
  if (closes) response.close_connection();
  if (status == 401) response.set_header("WWW-Authenticate", "Bearer");  // RFC 9110 §15.5.2 asks for a challenge
  const auto& trace = current_context().trace;
  const bool wants_problem = http::header_contains(request.headers(), "accept", problem_type);
  response.set_status(status).set_body(wants_problem ? problem_type : json_type,
                                       error_body(report, trace.valid() ? trace.trace_id_text() : std::string()));
}

error_report write_current_exception(http::response& response, const http::request& request) noexcept {
  auto report = describe_current_exception();
  try {
    auto told = report;
    const auto given = tell_current_exception(told);
    if (!given) told.reason = told_reason(report);
    write_error(response, given ? given->status : http_status(report.kind), told, request);
    if (given) {
      for (const auto& [name, value] : given->headers) response.set_header(name, value);
    }
  } catch (const std::exception&) {  // out of memory while describing: an empty answer can still be sent
    response.clear();
    response.set_status(503);
  }
  return report;
}

}  // namespace mamey::inline v1::web
