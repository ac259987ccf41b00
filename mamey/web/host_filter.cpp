#include <mamey/web/host_filter.hpp>

#include <algorithm>

#include <mamey/core/text.hpp>

namespace mamey::inline v1::web {
namespace {

/// `[::1]:5000` ⇒ `[::1]`.
std::string_view without_port(std::string_view host) noexcept {
  const auto colon = host.starts_with('[') ? host.find(':', std::min(host.find(']'), host.size())) : host.find(':');
  return host.substr(0, colon);
}

}  // namespace

host_filter::host_filter(const configuration& values) {
  const std::string key = "AllowedHosts";
  auto all = values.find(key).value_or("");
  for (const auto& each : values.keys(key)) all += ";" + values.find(key + ":" + each).value_or("");
  for (std::string_view rest = all; !rest.empty();) {
    auto name = rest.substr(0, rest.find(';'));
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
    const auto begin = name.find_first_not_of(' ');
    if (begin == name.npos) continue;
    name = name.substr(begin, name.find_last_not_of(' ') + 1 - begin);
    if (name == "*" || name == "[::]" || name == "0.0.0.0") {
      allowed_.clear();
      return;
    }
    if (without_port(name) != name || name.find('/') != name.npos)
      throw configuration_error({{.origin = values.origin(key),
                                  .key = key,
                                  .message = "expected names of hosts without scheme and port, separated by ;, got \"" + std::string(name) +
                                             "\", which no request would match"}});
    allowed_.emplace_back(name);
  }
}

bool host_filter::allows(std::string_view host) const noexcept {
  if (allowed_.empty() || host.empty()) return true;
  const auto name = without_port(host);
  return std::ranges::any_of(allowed_, [&](std::string_view each) {
    if (equal_ignoring_case(each, name)) return true;
    const auto root = each.substr(each.starts_with("*.") ? 1 : 0);
    return root.size() != each.size() && name.size() > root.size() && equal_ignoring_case(name.substr(name.size() - root.size()), root);
  });
}

}  // namespace mamey::inline v1::web
