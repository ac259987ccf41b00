#include <mamey/web/detail/failure_log.hpp>

#include <mamey/observability/log.hpp>

namespace mamey::inline v1::web::detail {
namespace {

const logger log{"mamey.web"};

}  // namespace

void log_failure(const error_report& report, const http::request& request) {
  switch (report.kind) {
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
