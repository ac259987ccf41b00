#pragma once

/// @file
/// For the framework.
/// `AllowedHosts`: which names a service is called by, as the host filtering of .NET has it.

#include <string>
#include <string_view>
#include <vector>

#include <mamey/core/configuration.hpp>

namespace mamey::inline v1::web {

class host_filter {
 public:
  /// Lets everybody in.
  host_filter() = default;
  /// `AllowedHosts`: names separated by `;`, where `*.example.com` is each name below example.com; `*`, nothing, and all addresses of the
  /// machine are everybody. Throws configuration_error for what no request could match: a port, a scheme.
  explicit host_filter(const configuration& values);

  /// `host`: a request's header, with or without a port. An empty one is let in, as there.
  bool allows(std::string_view host) const noexcept;

 private:
  std::vector<std::string> allowed_;  ///< empty: everybody
};

}  // namespace mamey::inline v1::web
