#include <mamey/web/forwarding.hpp>

#include <algorithm>
#include <array>

#include <mamey/core/text.hpp>

namespace mamey::inline v1::web {

bool is_forwarding_header(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 14> names{"Forwarded",        "Via",
                                                          "X-Real-IP",        "X-Client-IP",
                                                          "X-Original-Host",  "X-Original-For",
                                                          "CF-Connecting-IP", "CF-Ray",
                                                          "True-Client-IP",   "Fastly-Client-IP",
                                                          "Fly-Client-IP",    "X-Cluster-Client-IP",
                                                          "X-ProxyUser-Ip",   "X-Azure-ClientIP"};
  static constexpr std::array<std::string_view, 3> families{"X-Forwarded", "X-Envoy-",
                                                            "X-Amzn-"};  // `X-Forwarded` alone and `X-Forwarded_For` exist as well
  return std::ranges::any_of(names, [&](std::string_view each) { return equal_ignoring_case(each, name); }) ||
         std::ranges::any_of(families, [&](std::string_view each) { return equal_ignoring_case(name.substr(0, each.size()), each); });
}

std::optional<std::string_view> forwarding_header(const http::request& request) noexcept {
  for (const auto& each : request.headers()) {
    if (is_forwarding_header(each.name)) return each.name;
  }
  return std::nullopt;
}

}  // namespace mamey::inline v1::web
