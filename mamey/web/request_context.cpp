#include <mamey/web/detail/request_context.hpp>

#include <mamey/observability/log.hpp>
#include <mamey/runtime/propagation.hpp>

namespace mamey::inline v1::web::detail {
namespace {

const logger log{"mamey.web"};

class received_headers final : public propagation::source {
 public:
  explicit received_headers(const http::request& of) : of_(of) {}
  void each_header(function_ref<void(std::string_view name, std::string_view value)> visit) const override {
    for (const auto& [name, value] : of_.headers()) visit(name, value);
  }

 private:
  const http::request& of_;
};

}  // namespace

void begin_context(ambient_context& into, const http::request& request, const context_options& options, steady_time now) {
  bool names_tenant = false;
  const auto trusts = [&](const propagation::row& about) {
    const auto refusal = options.trusted.refusal_of(request);
    if (refusal.empty()) return names_tenant = true;
    log.debug("{header} of {peer} is ignored: {reason}", about.http_header, request.peer(), refusal);
    return false;
  };
  propagation::receive_request(into, received_headers(request),
                               {.correlation_context_header = options.correlation_context_header,
                                .request_timeout = options.request_timeout,
                                .root = {.kind = tracing::span_kind::server, .name = request.path(), .service = options.service},
                                .trusts_caller = trusts},
                               now);
  if (names_tenant && into.tenant.empty())
    log.debug("{header} of {peer} is ignored: expected one header with a text of 1 to 128 bytes",
              propagation::row_of(propagation::item::tenant).http_header, request.peer());
}

}  // namespace mamey::inline v1::web::detail
