#include <mamey/web/detail/failure_log.hpp>

#include <mamey/observability/log.hpp>

namespace mamey::inline v1::web::detail {
namespace {

const logger log{"mamey.web"};

}  // namespace

void log_failure(const error_report& report, const http::request& request) {
  // A status of 5xx, and yet the client's doing: `get / HTTP/1.1`. Metrics count it.
  const bool unknown_method = request.method() == http_method::other && report.code == "method_not_implemented";
  switch (unknown_method ? error_kind::domain : report.kind) {
    case error_kind::internal:
      log.error("{request_method} {request_path} failed: {code}: {detail}", request.method_text(), request.path(), report.code,
                report.detail);
      break;
    case error_kind::unavailable:
    case error_kind::commit_unknown:
    case error_kind::deadline_exceeded:
      log.warning("{request_method} {request_path} failed: {code}: {reason}", request.method_text(), request.path(), report.code,
                  report.reason);
      break;
    default:
      log.debug("{request_method} {request_path} was refused: {code}: {reason}", request.method_text(), request.path(), report.code,
                report.reason);
  }
}

}  // namespace mamey::inline v1::web::detail
